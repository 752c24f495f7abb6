//! Attributes and counters: what apps keep in a group without declaring it (docs/spec/rest-groups.md#5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    AppSettings, GroupId, Scene,
    change::{Change, Event, Expect, Write},
    denied::Denied,
    message::Tip,
    permission::Action,
};

/// The attributes of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Grows by one with every write; what clients compare.
    pub seq: u64,
    /// The entries by key.
    pub entries: BTreeMap<String, Attribute>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its value.
    pub value: String,
    /// Grows by one with every change of the value.
    pub seq: u64,
}

/// A write to the attributes of a group, as decided against what was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeChange {
    /// The group.
    pub group: GroupId,
    /// [`Attributes::seq`] afterwards.
    pub seq: u64,
    /// Everything else goes first.
    pub clear: bool,
    /// Keys that go.
    pub delete: Vec<String>,
    /// What is new.
    pub put: BTreeMap<String, Attribute>,
}

/// The counters of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Grows by one with every write.
    pub seq: u64,
    /// The values by key.
    pub values: BTreeMap<String, i64>,
}

/// A write to the counters of a group, as decided against what was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterChange {
    /// The group.
    pub group: GroupId,
    /// [`Counters::seq`] afterwards.
    pub seq: u64,
    /// Keys that go.
    pub delete: Vec<String>,
    /// Values now.
    pub put: BTreeMap<String, i64>,
}

/// What somebody wants of the attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeWish {
    /// These and no others.
    Replace(BTreeMap<String, String>),
    /// These beside the others.
    Modify(BTreeMap<String, String>),
    /// None any longer.
    Clear,
    /// Without these.
    Delete(BTreeSet<String>),
}

/// What became of attributes, as those who keep copies are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeUpdate {
    /// These and no others.
    Replaced(BTreeMap<String, Attribute>),
    /// These are new.
    Modified(BTreeMap<String, Attribute>),
    /// None is left.
    Cleared,
    /// These are gone.
    Deleted(BTreeSet<String>),
}

/// What became of counters, as those who keep copies are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CounterUpdate {
    /// These values are new.
    Changed(BTreeMap<String, i64>),
    /// These are gone, with the values they had.
    Deleted(BTreeMap<String, i64>),
}

/// What a counter does with a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CounterMode {
    /// It becomes its value.
    #[default]
    Set,
    /// It is added.
    Increase,
    /// It is taken away.
    Decrease,
}

/// Lets pass who may read attributes.
///
/// # Errors
/// As [`Scene::require`].
pub fn may_read(scene: &Scene) -> Result<(), Denied> {
    scene.require(Action::ReadAttributes, "read attributes")
}

/// Changes the attributes of a group that stand as `loaded`. `base` is the number of the newest write that the writer knows
/// of, where they want to be told when there was a newer one; `sent_on` is the device that writes, which needs no telling.
/// Answers the number of this write and what became of it. A write counts even when it changes nothing.
///
/// # Errors
/// As [`Scene::require`]; [`Denied::AttributeConflict`]; [`Denied::NoSuchAttribute`]; [`Denied::AttributeKeyTooLong`],
/// [`Denied::AttributeValueTooLong`], [`Denied::TooManyAttributes`], [`Denied::AttributesTooLong`] by `limits.group`.
pub fn write(
    scene: &Scene,
    settings: &AppSettings,
    loaded: &Attributes,
    wish: &AttributeWish,
    base: Option<u64>,
    sent_on: Option<u64>,
) -> Result<((u64, AttributeUpdate), Change), Denied> {
    scene.require(Action::WriteAttributes, "change attributes")?;
    if base.is_some_and(|base| base != loaded.seq) {
        return Err(Denied::AttributeConflict { current: loaded.seq });
    }
    let group = scene.group.id.clone();
    let none = AttributeChange {
        group: group.clone(),
        seq: loaded.seq + 1,
        clear: false,
        delete: Vec::new(),
        put: BTreeMap::new(),
    };
    let (change, update) = match wish {
        AttributeWish::Replace(wanted) => {
            check(settings, wanted, &BTreeMap::new())?;
            let put = next(loaded, wanted);
            (AttributeChange { clear: true, put: put.clone(), ..none }, AttributeUpdate::Replaced(put))
        }
        AttributeWish::Modify(wanted) => {
            check(settings, wanted, &loaded.entries)?;
            let put = next(loaded, wanted);
            (AttributeChange { put: put.clone(), ..none }, AttributeUpdate::Modified(put))
        }
        AttributeWish::Clear => (AttributeChange { clear: true, ..none }, AttributeUpdate::Cleared),
        AttributeWish::Delete(keys) => {
            keys.iter().try_for_each(|key| check_key(settings, key))?;
            if let Some(missing) = keys.iter().find(|key| !loaded.entries.contains_key(*key)) {
                return Err(Denied::NoSuchAttribute(missing.clone()));
            }
            let delete = keys.iter().cloned().collect();
            (AttributeChange { delete, ..none }, AttributeUpdate::Deleted(keys.clone()))
        }
    };
    let seq = change.seq;
    let tip = Tip::AttributesChanged { by: scene.user.clone(), seq, update: update.clone() };
    let change = Change::none()
        .expect(Expect::GroupAt { group: group.clone(), revision: scene.group.revision })
        .expect(Expect::AttributesAt { group: group.clone(), seq: loaded.seq })
        .write(Write::SetAttributes(Box::new(change)))
        .event(Event::TipToOthers { group, tip, sent_on });
    Ok(((seq, update), change))
}

fn check_key(settings: &AppSettings, key: &str) -> Result<(), Denied> {
    let most = settings.limits().group.attr_key_bytes;
    if key.is_empty() {
        return Err(Denied::BadValue("`GroupAttr`: a `key` is empty".to_owned()));
    }
    if key.len() > most as usize {
        return Err(Denied::AttributeKeyTooLong(most));
    }
    Ok(())
}

/// Checks what is wanted beside what stays.
fn check(
    settings: &AppSettings,
    wanted: &BTreeMap<String, String>,
    stays: &BTreeMap<String, Attribute>,
) -> Result<(), Denied> {
    let limits = settings.limits().group;
    for (key, value) in wanted {
        check_key(settings, key)?;
        if value.len() > limits.attr_value_bytes as usize {
            return Err(Denied::AttributeValueTooLong { key: key.clone(), most: limits.attr_value_bytes });
        }
    }
    let kept = || stays.iter().filter(|(key, _)| !wanted.contains_key(*key));
    if kept().count() + wanted.len() > limits.attr_keys as usize {
        return Err(Denied::TooManyAttributes(limits.attr_keys));
    }
    let bytes = kept().map(|(_, attribute)| attribute.value.len()).sum::<usize>()
        + wanted.values().map(String::len).sum::<usize>();
    if bytes > limits.attr_total_bytes as usize {
        return Err(Denied::AttributesTooLong(limits.attr_total_bytes));
    }
    Ok(())
}

/// The entries as they will lie, each with the next number of its key.
fn next(loaded: &Attributes, wanted: &BTreeMap<String, String>) -> BTreeMap<String, Attribute> {
    let seq_of = |key: &str| loaded.entries.get(key).map_or(0, |attribute| attribute.seq);
    wanted.iter().map(|(key, value)| (key.clone(), Attribute { value: value.clone(), seq: seq_of(key) + 1 })).collect()
}

/// Lets pass who may read counters.
///
/// # Errors
/// [`Denied::FeatureOff`] when the app has no counters; as [`Scene::require`].
pub fn may_read_counters(scene: &Scene, settings: &AppSettings) -> Result<(), Denied> {
    has_counters(settings)?;
    scene.require(Action::ReadCounters, "read counters")
}

fn has_counters(settings: &AppSettings) -> Result<(), Denied> {
    if settings.features.group_counter { Ok(()) } else { Err(Denied::FeatureOff("the counters of groups")) }
}

/// Changes counters that stand as `loaded`; a key named twice counts twice. A missing counter is 0. Answers the new values
/// of the named keys.
///
/// # Errors
/// As [`may_read_counters`]; [`Denied::BadValue`] for an empty or too long key and for a value that no longer fits;
/// [`Denied::TooManyCounters`].
pub fn count(
    scene: &Scene,
    settings: &AppSettings,
    loaded: &Counters,
    mode: CounterMode,
    entries: &[(String, i64)],
) -> Result<(BTreeMap<String, i64>, Change), Denied> {
    has_counters(settings)?;
    scene.require(Action::WriteCounters, "change counters")?;
    let limits = settings.limits().group;
    let mut put = BTreeMap::new();
    for (key, value) in entries {
        if key.is_empty() || key.len() > limits.counter_key_bytes as usize {
            return Err(Denied::BadValue(format!(
                "`Key`: a counter's key has 1 to {} bytes",
                limits.counter_key_bytes
            )));
        }
        let before = put.get(key).or_else(|| loaded.values.get(key)).copied().unwrap_or(0);
        let after = match mode {
            CounterMode::Set => Some(*value),
            CounterMode::Increase => before.checked_add(*value),
            CounterMode::Decrease => before.checked_sub(*value),
        };
        let after = after.ok_or_else(|| {
            Denied::BadValue(format!("`Value`: counter `{key}` would leave the range of 64-bit integers"))
        })?;
        put.insert(key.clone(), after);
    }
    let new = put.keys().filter(|key| !loaded.values.contains_key(*key)).count();
    if loaded.values.len() + new > limits.counters as usize {
        return Err(Denied::TooManyCounters(limits.counters));
    }
    let change =
        CounterChange { group: scene.group.id.clone(), seq: loaded.seq + 1, delete: Vec::new(), put: put.clone() };
    Ok((put.clone(), counted(scene, loaded, change, CounterUpdate::Changed(put))))
}

/// Deletes counters that stand as `loaded`: the named ones, or all where none is named. Those that do not exist are passed over.
///
/// # Errors
/// As [`may_read_counters`].
pub fn delete_counters(
    scene: &Scene,
    settings: &AppSettings,
    loaded: &Counters,
    keys: &[String],
) -> Result<Change, Denied> {
    has_counters(settings)?;
    scene.require(Action::WriteCounters, "change counters")?;
    let gone: BTreeMap<_, _> = loaded
        .values
        .iter()
        .filter(|(key, _)| keys.is_empty() || keys.contains(key))
        .map(|(key, value)| (key.clone(), *value))
        .collect();
    if gone.is_empty() {
        return Ok(Change::none());
    }
    let delete = gone.keys().cloned().collect();
    let change = CounterChange { group: scene.group.id.clone(), seq: loaded.seq + 1, delete, put: BTreeMap::new() };
    Ok(counted(scene, loaded, change, CounterUpdate::Deleted(gone)))
}

fn counted(scene: &Scene, loaded: &Counters, change: CounterChange, update: CounterUpdate) -> Change {
    let group = scene.group.id.clone();
    let tip = Tip::CountersChanged { by: scene.user.clone(), seq: change.seq, update };
    Change::none()
        .expect(Expect::GroupAt { group: group.clone(), revision: scene.group.revision })
        .expect(Expect::CountersAt { group: group.clone(), seq: loaded.seq })
        .write(Write::SetCounters(Box::new(change)))
        .event(Event::Tip { group, tip })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role,
        member::tests::{scene_as, scene_of_app_admin},
    };

    fn loaded() -> Attributes {
        let entries = [("a", "1", 3), ("b", "2", 1)];
        let entries =
            entries.map(|(key, value, seq)| (key.to_owned(), Attribute { value: value.to_owned(), seq })).into();
        Attributes { seq: 8, entries }
    }

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn wished(wish: &AttributeWish, base: Option<u64>) -> Result<((u64, AttributeUpdate), Change), Denied> {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Member);
        write(&scene, &AppSettings::default(), &loaded(), wish, base, None)
    }

    fn entries(list: &[(&str, &str, u64)]) -> BTreeMap<String, Attribute> {
        list.iter()
            .map(|(key, value, seq)| ((*key).to_owned(), Attribute { value: (*value).to_owned(), seq: *seq }))
            .collect()
    }

    #[rstest]
    #[case(AttributeWish::Replace(pairs(&[("a", "x"), ("c", "")])), AttributeUpdate::Replaced(entries(&[("a", "x", 4), ("c", "", 1)])))]
    #[case(AttributeWish::Modify(pairs(&[("b", "2")])), AttributeUpdate::Modified(entries(&[("b", "2", 2)])))]
    #[case(AttributeWish::Delete(BTreeSet::from(["a".to_owned()])), AttributeUpdate::Deleted(BTreeSet::from(["a".to_owned()])))]
    #[case(AttributeWish::Clear, AttributeUpdate::Cleared)]
    fn each_write_takes_the_next_number_and_says_what_became(
        #[case] wish: AttributeWish,
        #[case] update: AttributeUpdate,
    ) {
        let (answer, change) = wished(&wish, Some(8)).expect("allowed");
        assert_eq!(answer, (9, update));
        let [Write::SetAttributes(stored)] = change.writes.as_slice() else { panic!("one write: {change:?}") };
        assert_eq!((stored.seq, stored.clear), (9, matches!(wish, AttributeWish::Clear | AttributeWish::Replace(_))));
    }

    #[test]
    fn who_knows_an_older_state_is_told_so_where_they_asked_for_it() {
        assert_eq!(wished(&AttributeWish::Clear, Some(7)).unwrap_err(), Denied::AttributeConflict { current: 8 });
        assert!(wished(&AttributeWish::Clear, None).is_ok());
    }

    #[rstest]
    #[case::key(("k".repeat(33), "1".to_owned()), Denied::AttributeKeyTooLong(32))]
    #[case::value(("a".to_owned(), "v".repeat(4001)), Denied::AttributeValueTooLong { key: "a".to_owned(), most: 4000 })]
    fn lengths_have_limits(#[case] pair: (String, String), #[case] denied: Denied) {
        let list = BTreeMap::from([pair]);
        for wish in [AttributeWish::Modify(list.clone()), AttributeWish::Replace(list)] {
            assert_eq!(wished(&wish, None).unwrap_err(), denied);
        }
    }

    #[test]
    fn what_stays_counts_towards_the_limits_and_what_goes_does_not() {
        let many = |count: usize| (0..count).map(|n| (format!("k{n}"), "v".repeat(1000))).collect::<BTreeMap<_, _>>();
        assert!(wished(&AttributeWish::Replace(many(16)), None).is_ok());
        assert_eq!(wished(&AttributeWish::Replace(many(17)), None).unwrap_err(), Denied::TooManyAttributes(16));
        assert!(wished(&AttributeWish::Modify(many(14)), None).is_ok());
        assert_eq!(wished(&AttributeWish::Modify(many(15)), None).unwrap_err(), Denied::TooManyAttributes(16));
        let large = |count: usize| (0..count).map(|n| (format!("k{n}"), "v".repeat(4000))).collect::<BTreeMap<_, _>>();
        assert!(wished(&AttributeWish::Replace(large(4)), None).is_ok());
        assert_eq!(wished(&AttributeWish::Modify(large(4)), None).unwrap_err(), Denied::AttributesTooLong(16_000));
    }

    #[test]
    fn what_does_not_exist_cannot_be_deleted() {
        let keys = BTreeSet::from(["a".to_owned(), "z".to_owned()]);
        assert_eq!(wished(&AttributeWish::Delete(keys), None).unwrap_err(), Denied::NoSuchAttribute("z".to_owned()));
    }

    #[test]
    fn strangers_and_types_without_attributes_are_refused() {
        let settings = AppSettings::default();
        let stranger = scene_as(GroupPolicy::PUBLIC, Role::NotMember);
        assert!(matches!(
            write(&stranger, &settings, &loaded(), &AttributeWish::Clear, None, None),
            Err(Denied::NotMember { .. })
        ));
        assert!(may_read(&stranger).is_err());
        let broadcast = scene_of_app_admin(GroupPolicy::BROADCAST);
        assert!(matches!(
            write(&broadcast, &settings, &loaded(), &AttributeWish::Clear, None, None),
            Err(Denied::TypeForbids { .. })
        ));
        assert!(matches!(may_read(&broadcast), Err(Denied::TypeForbids { .. })));
    }

    fn counters() -> Counters {
        Counters { seq: 4, values: BTreeMap::from([("likes".to_owned(), 5), ("top".to_owned(), i64::MAX)]) }
    }

    fn counted(mode: CounterMode, entries: &[(&str, i64)]) -> Result<BTreeMap<String, i64>, Denied> {
        let scene = scene_as(GroupPolicy::MEETING, Role::Member);
        let entries: Vec<_> = entries.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        count(&scene, &AppSettings::default(), &counters(), mode, &entries).map(|(values, _)| values)
    }

    #[rstest]
    #[case(CounterMode::Set, &[("likes", -1)], Some(-1))]
    #[case(CounterMode::Increase, &[("likes", 3)], Some(8))]
    #[case(CounterMode::Increase, &[("likes", 3), ("likes", 4)], Some(12))]
    #[case(CounterMode::Decrease, &[("likes", 9)], Some(-4))]
    #[case(CounterMode::Decrease, &[("likes", i64::MIN)], None)]
    #[case(CounterMode::Increase, &[("likes", i64::MAX)], None)]
    fn values_after_a_write(#[case] mode: CounterMode, #[case] entries: &[(&str, i64)], #[case] likes: Option<i64>) {
        assert_eq!(counted(mode, entries).ok().map(|values| values["likes"]), likes);
    }

    #[test]
    fn counters_are_few_and_their_keys_short() {
        let keys: Vec<_> = (0..19).map(|n| format!("k{n}")).collect();
        let list = |count: usize| keys[..count].iter().map(|key| (key.as_str(), 1)).collect::<Vec<_>>();
        assert!(counted(CounterMode::Set, &list(18)).is_ok());
        assert_eq!(counted(CounterMode::Set, &list(19)).unwrap_err(), Denied::TooManyCounters(20));
        assert!(counted(CounterMode::Set, &[(&"k".repeat(128), 1)]).is_ok());
        for key in ["", &"k".repeat(129)] {
            assert!(matches!(counted(CounterMode::Set, &[(key, 1)]), Err(Denied::BadValue(_))), "{key}");
        }
    }

    #[test]
    fn deleting_passes_over_what_is_not_there() {
        let scene = scene_as(GroupPolicy::MEETING, Role::Member);
        let delete = |keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
            let change = delete_counters(&scene, &AppSettings::default(), &counters(), &keys).expect("allowed");
            match change.writes.first() {
                Some(Write::SetCounters(change)) => change.delete.clone(),
                _ => Vec::new(),
            }
        };
        assert_eq!(delete(&["likes", "none"]), ["likes"]);
        assert_eq!(delete(&[]), ["likes", "top"]);
        assert_eq!(delete(&["none"]), [] as [&str; 0]);
    }

    #[test]
    fn apps_and_types_may_have_no_counters() {
        let off = AppSettings {
            features: crate::settings::Features { group_counter: false, ..Default::default() },
            ..AppSettings::default()
        };
        let scene = scene_of_app_admin(GroupPolicy::MEETING);
        assert!(matches!(may_read_counters(&scene, &off), Err(Denied::FeatureOff(_))));
        assert!(matches!(delete_counters(&scene, &off, &counters(), &[]), Err(Denied::FeatureOff(_))));
        let town = scene_of_app_admin(GroupPolicy::COMMUNITY);
        assert!(matches!(may_read_counters(&town, &AppSettings::default()), Err(Denied::TypeForbids { .. })));
    }
}
