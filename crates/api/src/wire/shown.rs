//! What is shown with messages of a group: everybody's face and name card, looked up once per page.

use std::collections::HashMap;

use serde_json::value::RawValue;
use tsudoi_domain::{
    AppId, GroupId, UserId,
    message::{Draft, Message},
};
use tsudoi_store::{Store, StoreError};

use super::{
    faces::Faces,
    item::{GroupFace, GroupItem},
    tip,
};

/// The faces and name cards that some messages of one group need.
#[derive(Debug)]
pub struct Shown {
    faces: Faces,
    cards: HashMap<UserId, String>,
}

impl Shown {
    /// Looks up everybody the messages show.
    ///
    /// # Errors
    /// As the store's reads.
    pub async fn with(
        store: &Store,
        app: AppId,
        group: &GroupId,
        drafts: impl IntoIterator<Item = &Draft> + Send,
    ) -> Result<Self, StoreError> {
        let mut users = Vec::new();
        let mut cards = HashMap::new();
        for draft in drafts {
            users.extend(tip::shown_with(draft));
            if let Some(sender) = draft.sender.user() {
                cards.entry(sender.clone()).or_insert_with(String::new);
            }
        }
        for (sender, card) in &mut cards {
            if let Some(member) = store.member(app, group, sender).await? {
                card.clone_from(&member.name_card);
            }
        }
        Ok(Self { faces: Faces::of(store, app, users).await?, cards })
    }

    /// The faces alone.
    #[must_use]
    pub fn faces(&self) -> &Faces {
        &self.faces
    }

    /// The item of a stored message.
    #[must_use]
    pub fn item<'a>(&'a self, message: &'a Message, group: &'a GroupFace) -> GroupItem<'a> {
        let sender = message.draft.sender.user();
        let card = sender.and_then(|user| self.cards.get(user)).map_or("", String::as_str);
        GroupItem::stored(message, group, &self.faces, card)
    }

    /// As [`Shown::item`], as JSON; a withdrawn message says nothing unless `with_recalled`.
    ///
    /// # Panics
    /// Never: items are plain data.
    #[must_use]
    pub fn item_json(&self, message: &Message, group: &GroupFace, with_recalled: bool) -> Box<RawValue> {
        let item = self.item(message, group);
        let item = if message.recall.is_some() && !with_recalled { item.without_body() } else { item };
        serde_json::value::to_raw_value(&item).expect("items are plain data")
    }
}
