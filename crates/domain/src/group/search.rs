//! Finding groups by name (docs/spec/rest-groups.md#1.7).

use super::{GroupPolicy, GroupType};
use crate::{AppSettings, denied::Denied};

/// The types whose groups are found by name.
///
/// # Errors
/// [`Denied::SearchOff`] when the app lets none be found.
pub fn types_searchable_by_name(settings: &AppSettings) -> Result<Vec<GroupType>, Denied> {
    let own = settings.custom_types.keys().map(|name| GroupType::Custom(name.as_str().into()));
    let is_open = |group_type: &GroupType| {
        GroupPolicy::for_app(settings, group_type).is_some_and(|policy| policy.searchable_by_name)
    };
    let types: Vec<_> = GroupType::BUILT_IN.into_iter().chain(own).filter(is_open).collect();
    if types.is_empty() { Err(Denied::SearchOff) } else { Ok(types) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::PolicyOverride;

    #[test]
    fn types_are_closed_until_the_app_opens_them() {
        assert_eq!(types_searchable_by_name(&AppSettings::default()), Err(Denied::SearchOff));
        let open = PolicyOverride { searchable_by_name: Some(true), ..PolicyOverride::default() };
        let settings = AppSettings { group_types: [("Public".to_owned(), open)].into(), ..AppSettings::default() };
        assert_eq!(types_searchable_by_name(&settings), Ok(vec![GroupType::Public]));
    }
}
