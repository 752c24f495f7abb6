//! The only place where a refusal becomes the vendor's number.
//!
//! Each floor says no in its own words: the rules ([`Denied`]), the store ([`StoreError`]), the ticket check
//! ([`BadUserSig`]). Here they meet, in matches without a wildcard arm: a new refusal does not compile until it has a code.

use std::fmt;

use tsudoi_domain::{Denied, relation::Refusal};
use tsudoi_store::StoreError;

use crate::{
    error_code::{CustomCode, ErrorCode, compared_text},
    user_sig::BadUserSig,
};

/// A refusal on its way out: the number, and a text that names what was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: u32,
    text: String,
    /// JSON members to be answered beside the envelope, without the braces; some refusals explain themselves with data.
    details: Option<String>,
}

impl Error {
    /// A refusal with a text of its own.
    #[must_use]
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code: code.number(), text: text.into(), details: None }
    }

    /// A refusal that an app's own webhook chose.
    #[must_use]
    pub fn custom(code: CustomCode, text: impl Into<String>) -> Self {
        Self { code: code.number(), text: text.into(), details: None }
    }

    /// The same, with data beside the envelope; `details` must serialise to a JSON object.
    #[must_use]
    pub fn with_details(mut self, details: &impl serde::Serialize) -> Self {
        let json = serde_json::to_string(details).expect("details are plain data");
        self.details = Some(json[1..json.len() - 1].to_owned());
        self
    }

    /// The number.
    #[must_use]
    pub fn code(&self) -> u32 {
        self.code
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Members beside the envelope.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// The same refusal under the code that a command's own specification names for it.
    #[must_use]
    pub fn when(mut self, from: ErrorCode, to: ErrorCode) -> Self {
        if self.code == from.number() {
            self.code = to.number();
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

impl std::error::Error for Error {}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.text())
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            // Commands that answer topics one by one name the code of their own for it.
            Denied::NoSuchGroup(_) | Denied::NoSuchTopic(_) => ErrorCode::GroupNotFound,
            Denied::TypeForbids { .. }
            | Denied::TypeLacks { .. }
            | Denied::NotPermitted { .. }
            | Denied::NotMember { .. }
            | Denied::FieldNotWritable(_)
            | Denied::PermissionGroupsOff(_)
            | Denied::SearchOff
            | Denied::Banned { .. } => ErrorCode::GroupNotAllowed,
            Denied::AlreadyMember { .. } | Denied::InPermissionGroup(_) => ErrorCode::GroupAlreadyMember,
            Denied::Muted { .. } => ErrorCode::GroupMuted,
            Denied::OwnerMayNotQuit(_) => ErrorCode::GroupOwnerMayNotQuit,
            Denied::GroupFull { .. } => ErrorCode::GroupFull,
            Denied::IdTaken(_) => ErrorCode::GroupIdTaken,
            Denied::IdTakenByYou(_) | Denied::TopicIdTaken(_) | Denied::PermissionGroupIdTaken(_) => {
                ErrorCode::GroupIdTakenByYou
            }
            Denied::ApplicationHandled { .. } => ErrorCode::GroupApplicationHandled,
            Denied::NoSuchAccount(_) => ErrorCode::GroupAccountNotFound,
            Denied::NoSuchMessage { .. } => ErrorCode::GroupMessageNotFound,
            Denied::NoMessageToExtend(_) => ErrorCode::ExtensionMessageNotFound,
            Denied::ExtensionsUnsupported(_) => ErrorCode::ExtensionNotSupported,
            Denied::ExtensionsTooFrequent(_) => ErrorCode::ExtensionTooFrequent,
            Denied::TooManyPins(_) => ErrorCode::GroupTooManyPins,
            Denied::TypeWithoutDeletion(_) => ErrorCode::GroupTypeWithoutDeletion,
            Denied::DeleteRangeTooWide(_) => ErrorCode::GroupDeleteRangeTooWide,
            Denied::TooManyPinned(_) => ErrorCode::ConversationTooManyPinned,
            Denied::TooManyGrouped(_) => ErrorCode::ConversationTooManyMarked,
            Denied::NoSuchFolder(_) => ErrorCode::ConversationGroupNotFound,
            Denied::TooManyFolders(_) => ErrorCode::ConversationTooManyGroups,
            Denied::FolderNameTooLong(_) => ErrorCode::ConversationGroupNameTooLong,
            Denied::BadFolder(_) => ErrorCode::ConversationBadParameter,
            Denied::NotInContact(_) => ErrorCode::ConversationNotAccessible,
            Denied::TooLargeForReceipts { .. } => ErrorCode::GroupTooLargeForReceipts,
            Denied::NoReceiptsOnlineOnly => ErrorCode::GroupOnlineOnlyWithoutReceipts,
            Denied::RecallTooLate { .. } => ErrorCode::GroupRecallTimeOver,
            Denied::NotRecallable { .. } => ErrorCode::GroupMessageNotRecallable,
            Denied::TypeWithoutRecall(_) => ErrorCode::GroupTypeWithoutRecall,
            Denied::TypeWithoutHistory(_) => ErrorCode::GroupTypeWithoutHistory,
            Denied::NoSuchDirectMessage(_) => ErrorCode::C2cMessageNotFound,
            Denied::DirectAlreadyRecalled(_) => ErrorCode::C2cMessageAlreadyRecalled,
            Denied::DirectRecallTooLate { .. } => ErrorCode::C2cRecallTimeOver,
            Denied::NotEditable { .. } => ErrorCode::C2cMessageNotFound,
            Denied::EditConflict { .. } => ErrorCode::MessageEditConflict,
            Denied::NoSuchPermissionGroup(_) => ErrorCode::PermissionGroupNotFound,
            Denied::TopicInPermissionGroup(_) => ErrorCode::PermissionGroupHasTopic,
            Denied::TopicNotInPermissionGroup(_) => ErrorCode::PermissionGroupLacksTopic,
            Denied::TooManyGroups { .. } | Denied::TooManyTopics { .. } | Denied::TooManyPermissionGroups { .. } => {
                ErrorCode::GroupQuotaReached
            }
            Denied::TooManyOfType { .. } => ErrorCode::GroupTooManyLiveRooms,
            Denied::FeatureOff(_) => ErrorCode::GroupFeatureOff,
            Denied::TopicsOff(_) | Denied::CommunitiesOff => ErrorCode::CommunityOff,
            Denied::CapBeyondType { .. } => ErrorCode::GroupMemberCapBeyondPlan,
            Denied::TooManyGroupsInApp(_) => ErrorCode::GroupTrialQuotaReached,
            Denied::DailyQuotaReached(_) => ErrorCode::GroupTooFrequent,
            Denied::AttributeConflict { .. } => ErrorCode::GroupAttributeConflict,
            Denied::NoSuchAttribute(_) => ErrorCode::GroupAttributeNotFound,
            Denied::AttributeKeyTooLong(_) => ErrorCode::GroupAttributeKeyTooLong,
            Denied::AttributeValueTooLong { .. } => ErrorCode::GroupAttributeValueTooLong,
            Denied::TooManyAttributes(_) => ErrorCode::GroupAttributeTooManyKeys,
            Denied::AttributesTooLong(_) => ErrorCode::GroupAttributesTooLong,
            Denied::TooManyCounters(_) => ErrorCode::GroupTooManyCounters,
            Denied::DirectMuted(_) => ErrorCode::C2cMuted,
            Denied::BlockedByReceiver(_) => ErrorCode::C2cBlockedByReceiver,
            Denied::NotFriends(_) => ErrorCode::C2cNotFriends,
            Denied::NotListedByReceiver(_) => ErrorCode::C2cSenderNotInReceiverList,
            Denied::ReceiverNotListed(_) => ErrorCode::C2cReceiverNotInSenderList,
            Denied::BadValue(_) | Denied::TypeWithoutRemoval(_) => ErrorCode::GroupBadParameter,
        };
        Self::new(code, denied.to_string())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::BadValue(_) | Refusal::NotListed(_) | Refusal::NotBlocked(_) => ErrorCode::RelationBadParameter,
            Refusal::NoSuchAccount(_) => ErrorCode::RelationAccountNotFound,
            Refusal::SendingForbidden(_) => ErrorCode::RelationSendingForbidden,
            Refusal::Blocking(_) => ErrorCode::RelationPeerBlocked,
            Refusal::BlockedBy(_) => ErrorCode::RelationBlockedByPeer,
            Refusal::PeerFriendsFull(_) => ErrorCode::RelationPeerFriendListFull,
            Refusal::RequestsFull => ErrorCode::RelationPendingFull,
            Refusal::NoSuchRequest(_) => ErrorCode::RelationNoSuchRequest,
            Refusal::NothingPending(_) => ErrorCode::RelationNoSuchPending,
            Refusal::NotFriend(_) => ErrorCode::RelationNotFriend,
            Refusal::BlockListFull => ErrorCode::RelationBlockListFull,
            // Clients compare the texts of these.
            Refusal::AlreadyFriends => {
                return Self::new(ErrorCode::RelationBadParameter, compared_text::ALREADY_FRIENDS);
            }
            Refusal::AlreadyBlocked => {
                return Self::new(ErrorCode::RelationBadParameter, compared_text::ALREADY_BLOCKED);
            }
            Refusal::FriendsFull => return ErrorCode::RelationFriendListFull.into(),
            Refusal::GroupsFull => return ErrorCode::RelationFriendGroupsFull.into(),
            Refusal::DeniesAll => return ErrorCode::RelationPeerDeniesAll.into(),
            Refusal::NeedsConfirmation => return ErrorCode::RelationNeedsConfirmation.into(),
            Refusal::NotFriendForGroup => return ErrorCode::RelationGroupAddNotFriend.into(),
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        // The caller may not know what the database said; the log has it.
        match error {
            StoreError::Conflict(what) => {
                tracing::warn!(what, "a change lost every race");
                Self::new(ErrorCode::MessageInternal, "too many concurrent changes, try again")
            }
            StoreError::Missing(what) => {
                tracing::warn!(what, "a change referred to something gone");
                Self::new(ErrorCode::MessageInternal, "what the request refers to changed meanwhile, try again")
            }
            StoreError::Unavailable(cause) => {
                tracing::error!(cause, "the store is unavailable");
                Self::new(ErrorCode::MessageInternal, "the server cannot store or read now, try again")
            }
            StoreError::Corrupt(cause) => {
                tracing::error!(cause, "stored data is corrupt");
                Self::new(ErrorCode::MessageInternal, "internal error")
            }
        }
    }
}

impl From<BadUserSig> for Error {
    fn from(bad: BadUserSig) -> Self {
        let code = match bad {
            BadUserSig::Empty => ErrorCode::UserSigEmpty,
            BadUserSig::NoKey => ErrorCode::AppHasNoKey,
            BadUserSig::Malformed(_) | BadUserSig::FromTheFuture => ErrorCode::UserSigMalformed,
            BadUserSig::OtherApp => ErrorCode::UserSigOtherApp,
            BadUserSig::OtherUser => ErrorCode::UserSigOtherUser,
            BadUserSig::BadSignature => ErrorCode::UserSigBadSignature,
            BadUserSig::Expired => ErrorCode::UserSigExpired,
        };
        Self::new(code, bad.to_string())
    }
}
