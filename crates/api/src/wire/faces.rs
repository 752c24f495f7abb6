//! Faces: what is shown beside an account's name, looked up once per answer or push.

use std::{collections::HashMap, sync::Arc};

use tsudoi_domain::{AppId, UserId, account::Account};
use tsudoi_store::{Store, StoreError};

/// The accounts that an answer mentions.
#[derive(Debug, Default)]
pub struct Faces(HashMap<UserId, Option<Arc<Account>>>);

impl Faces {
    /// Looks up everybody of `users`.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn of(store: &Store, app: AppId, users: Vec<UserId>) -> Result<Self, StoreError> {
        let mut faces = Self::default();
        for user in users {
            faces.add(store, app, &user).await?;
        }
        Ok(faces)
    }

    /// Looks up one more.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn add(&mut self, store: &Store, app: AppId, user: &UserId) -> Result<(), StoreError> {
        if !self.0.contains_key(user) {
            let account = store.account(app, user).await?;
            self.0.insert(user.clone(), account);
        }
        Ok(())
    }

    fn account(&self, user: &UserId) -> Option<&Account> {
        self.0.get(user)?.as_deref()
    }

    /// The nickname; empty for the unknown.
    #[must_use]
    pub fn nick(&self, user: &UserId) -> &str {
        self.account(user).map_or("", Account::nick)
    }

    /// The picture address; empty for the unknown.
    #[must_use]
    pub fn face_url(&self, user: &UserId) -> &str {
        self.account(user).map_or("", Account::face_url)
    }

    /// The tiny id as text: 64 bits are too many for a JSON number. Empty for the unknown.
    #[must_use]
    pub fn tiny_id(&self, user: &UserId) -> String {
        self.account(user).map_or_else(String::new, |account| account.tiny_id.to_string())
    }
}
