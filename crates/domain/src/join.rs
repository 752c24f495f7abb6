//! Applications to join a group, waiting for somebody who may decide.

use serde::{Deserialize, Serialize};

use crate::{GroupId, UserId, time::Timestamp};

/// Whose decision an application waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Awaits {
    /// The owner or an admin decides.
    #[default]
    Leaders,
    /// The invited person decides.
    Invitee,
}

/// An application that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The group.
    pub group: GroupId,
    /// Who wants in.
    pub applicant: UserId,
    /// Who asked for them: the applicant, or the member who invites.
    pub by: UserId,
    /// Unix milliseconds of the application; comes back with the decision.
    pub key: i64,
    /// Comes back with the decision too, so that a stale answer decides nothing.
    pub authentication: String,
    /// In the applicant's words.
    pub message: String,
    /// When it was made.
    pub at: Timestamp,
    /// Who decides.
    #[serde(default)]
    pub awaits: Awaits,
}

impl Application {
    /// Whether somebody else wants the applicant in.
    #[must_use]
    pub fn is_invitation(&self) -> bool {
        self.by != self.applicant
    }
}
