//! Calls to an app's own backend: their names, and those that a change asks for once it is stored.
//!
//! What a call says is text that the doors made. Only what the store alone knows, like the number a message gets, is left open
//! and filled in with the commit ([`Slot`]).

use std::sync::Arc;

use crate::UserId;

macro_rules! commands {
    ($($(#[$doc:meta])* $command:ident = $name:literal $kind:ident,)+) => {
        /// What the backend of an app can be asked before, or told after (docs/spec/webhooks.md#16).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum WebhookCommand {
            $($(#[$doc])* $command,)+
        }

        impl WebhookCommand {
            /// Every command, in the order of the documents.
            pub const ALL: &[WebhookCommand] = &[$(WebhookCommand::$command),+];

            /// The word on the wire and in settings.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(WebhookCommand::$command => $name,)+
                }
            }

            /// Whether the action waits for the answer.
            #[must_use]
            pub const fn is_before(self) -> bool {
                match self {
                    $(WebhookCommand::$command => is_before!($kind),)+
                }
            }

            /// The command of a word.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(WebhookCommand::$command),)+
                    _ => None,
                }
            }
        }
    };
}

macro_rules! is_before {
    (before) => {
        true
    };
    (after) => {
        false
    };
}

commands! {
    /// A device came, went or was sent away; a custom status was set.
    StateChange = "State.StateChange" after,
    /// A profile changed.
    PortraitSet = "Profile.CallbackPortraitSet" after,
    /// A client adds friends.
    PrevFriendAdd = "Sns.CallbackPrevFriendAdd" before,
    /// A client answers who wants to be a friend.
    PrevFriendResponse = "Sns.CallbackPrevFriendResponse" before,
    /// Somebody has a new friend.
    FriendAdd = "Sns.CallbackFriendAdd" after,
    /// Somebody has a friend less.
    FriendDelete = "Sns.CallbackFriendDelete" after,
    /// Somebody is blocked.
    BlackListAdd = "Sns.CallbackBlackListAdd" after,
    /// Somebody is no longer blocked.
    BlackListDelete = "Sns.CallbackBlackListDelete" after,
    /// Somebody follows.
    FollowAdd = "Follow.CallbackAfterFollowAdd" after,
    /// Somebody no longer follows.
    FollowDelete = "Follow.CallbackAfterFollowDelete" after,
    /// A one-to-one message is about to be sent.
    C2cBeforeSend = "C2C.CallbackBeforeSendMsg" before,
    /// A one-to-one message was sent.
    C2cAfterSend = "C2C.CallbackAfterSendMsg" after,
    /// A one-to-one conversation was read.
    C2cAfterReport = "C2C.CallbackAfterMsgReport" after,
    /// A one-to-one message was recalled.
    C2cAfterWithdraw = "C2C.CallbackAfterMsgWithDraw" after,
    /// A one-to-one message was edited.
    C2cAfterModify = "C2C.CallbackAfterModifyMsg" after,
    /// Key-values of a one-to-one message changed.
    C2cAfterExtension = "C2C.CallbackAfterC2CMsgExtension" after,
    /// A group is about to be created.
    BeforeCreateGroup = "Group.CallbackBeforeCreateGroup" before,
    /// A group was created.
    AfterCreateGroup = "Group.CallbackAfterCreateGroup" after,
    /// A client wants to join.
    BeforeApplyJoinGroup = "Group.CallbackBeforeApplyJoinGroup" before,
    /// Others are about to be added.
    BeforeInviteJoinGroup = "Group.CallbackBeforeInviteJoinGroup" before,
    /// Members came.
    AfterNewMemberJoin = "Group.CallbackAfterNewMemberJoin" after,
    /// Members went.
    AfterMemberExit = "Group.CallbackAfterMemberExit" after,
    /// A group is full.
    AfterGroupFull = "Group.CallbackAfterGroupFull" after,
    /// A group was dissolved.
    AfterGroupDestroyed = "Group.CallbackAfterGroupDestroyed" after,
    /// The profile of a group changed.
    AfterGroupInfoChanged = "Group.CallbackAfterGroupInfoChanged" after,
    /// A group has another owner.
    AfterChangeGroupOwner = "Group.CallbackAfterChangeGroupOwner" after,
    /// A member's role or name card changed.
    AfterMemberFieldChanged = "Group.CallbackAfterMemberFieldChanged" after,
    /// Attributes of a group changed.
    AfterGroupAttrChanged = "Group.CallbackAfterGroupAttrChanged" after,
    /// A member of a live room went silent or came back.
    OnMemberStateChange = "Group.CallbackOnMemberStateChange" after,
    /// A group message is about to be sent.
    GroupBeforeSend = "Group.CallbackBeforeSendMsg" before,
    /// A group message was sent.
    GroupAfterSend = "Group.CallbackAfterSendMsg" after,
    /// A group message could not be sent.
    SendMsgException = "Group.CallbackSendMsgException" after,
    /// Group messages were recalled.
    AfterRecallMsg = "Group.CallbackAfterRecallMsg" after,
    /// Group messages were read.
    AfterReadReceipt = "Group.CallbackAfterReadReceipt" after,
    /// Key-values of a group message changed.
    AfterGroupMsgExtension = "Group.CallbackAfterGroupMsgExtension" after,
    /// A group message was edited.
    GroupAfterModify = "Group.CallbackAfterModifyMsg" after,
    /// A topic is about to be created.
    BeforeCreateTopic = "Group.CallbackBeforeCreateTopic" before,
    /// A topic was created.
    AfterCreateTopic = "Group.CallbackAfterCreateTopic" after,
    /// Topics were deleted.
    AfterTopicDestroyed = "Group.CallbackAfterTopicDestroyed" after,
    /// The profile of a topic changed.
    AfterTopicInfoChanged = "Group.CallbackAfterTopicInfoChanged" after,
    /// A robot got a one-to-one message.
    BotC2cMessage = "Bot.OnC2CMessage" after,
    /// Robots were mentioned in a group.
    BotGroupMessage = "Bot.OnGroupMessage" after,
    /// An official account is about to be created.
    BeforeCreateOfficialAccount = "OfficialAccount.CallbackBeforeCreateOfficialAccount" before,
    /// An official account was created.
    AfterCreateOfficialAccount = "OfficialAccount.CallbackAfterCreateOfficialAccount" after,
    /// The profile of an official account changed.
    AfterOfficialAccountInfoChanged = "OfficialAccount.CallbackAfterOfficialAccountInfoChanged" after,
    /// An official account was removed.
    AfterOfficialAccountDestroyed = "OfficialAccount.CallbackAfterOfficialAccountDestroyed" after,
    /// Subscribers are about to be added.
    BeforeAddSubscriber = "OfficialAccount.CallbackBeforeAddSubscriber" before,
    /// Subscribers came.
    AfterAddSubscriber = "OfficialAccount.CallbackAfterAddSubscriber" after,
    /// An official account has all the subscribers it may have.
    AfterOfficialAccountFull = "OfficialAccount.CallbackAfterOfficialAccountFull" after,
    /// Subscribers went.
    AfterDeleteSubscriber = "OfficialAccount.CallbackAfterDeleteSubscriber" after,
    /// An official account is about to speak.
    OfficialBeforeSend = "OfficialAccount.CallbackBeforeSendMsg" before,
    /// An official account spoke.
    OfficialAfterSend = "OfficialAccount.CallbackAfterSendMsg" after,
    /// What an official account said was recalled.
    OfficialAfterWithdraw = "OfficialAccount.CallbackAfterMsgWithDraw" after,
    /// Results of pushes of messages.
    OfflinePush = "Push.OfflinePush" after,
    /// Results of pushes to everybody.
    AllMemberPush = "Push.AllMemberPush" after,
    /// The content check found something.
    ContentResult = "ContentCallback.ResultNotify" after,
    /// A REST command comes near its limit.
    RequestOverLimit = "Alert.RequestOverLimit" after,
    /// The groups created today come near their quota.
    DailyGroupQuotaAlarm = "Group.CallbackOnDailyGroupQuotaAlarm" after,
}

impl WebhookCommand {
    /// The command whose switch this one follows while it has none of its own (docs/spec/webhooks.md#1.10, #11).
    #[must_use]
    pub fn follows(self) -> Option<WebhookCommand> {
        SHARED_SWITCHES.iter().find(|(command, _)| *command == self).map(|(_, other)| *other)
    }
}

/// Commands without a switch of their own, each with the one whose switch it goes by.
const SHARED_SWITCHES: [(WebhookCommand, WebhookCommand); 6] = [
    (WebhookCommand::BeforeCreateTopic, WebhookCommand::BeforeCreateGroup),
    (WebhookCommand::AfterCreateTopic, WebhookCommand::AfterCreateGroup),
    (WebhookCommand::AfterTopicDestroyed, WebhookCommand::AfterGroupDestroyed),
    (WebhookCommand::AfterTopicInfoChanged, WebhookCommand::AfterGroupInfoChanged),
    // One switch for both.
    (WebhookCommand::BotC2cMessage, WebhookCommand::BotGroupMessage),
    (WebhookCommand::BotGroupMessage, WebhookCommand::BotC2cMessage),
];

impl std::fmt::Display for WebhookCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A call that tells the backend what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What happened.
    pub command: WebhookCommand,
    /// Calls of the same line are made one after the other, in commit order.
    pub line: Arc<str>,
    /// What the address says beside the command and the app: where the action came from.
    pub origin: Arc<str>,
    /// What is said.
    pub body: Body,
}

/// A number that only the commit knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// The number of the change's n-th message, counted from 0.
    Seq(usize),
    /// How many one-to-one messages of the user are unread then, in all conversations.
    Unread(UserId),
}

impl Slot {
    /// Whom the number is about.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Seq(_) => None,
            Self::Unread(user) => Some(user),
        }
    }
}

/// A JSON text with open slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    parts: Vec<(String, Slot)>,
    end: String,
}

impl Body {
    /// The text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { parts: Vec::new(), end: text.into() }
    }

    /// Goes on with a slot and the text behind it.
    #[must_use]
    pub fn then(mut self, slot: Slot, text: impl Into<String>) -> Self {
        let before = std::mem::replace(&mut self.end, text.into());
        self.parts.push((before, slot));
        self
    }

    /// Adds a member to the object that the text is; the object has others.
    #[must_use]
    pub fn member(self, name: &str, slot: Slot) -> Self {
        self.open(&format!(",\"{name}\":"), slot, "}")
    }

    /// Adds a member to the object that the text is, which has others: text, a slot, and text that also ends the object.
    #[must_use]
    pub fn open(mut self, text: &str, slot: Slot, end: &str) -> Self {
        debug_assert!(self.end.ends_with('}'), "an object");
        self.end.pop();
        self.end.push_str(text);
        self.then(slot, end)
    }

    /// The open slots.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.parts.iter().map(|(_, slot)| slot)
    }

    /// The text with its slots filled.
    ///
    /// # Errors
    /// Those of `number`.
    pub fn fill<E>(&self, mut number: impl FnMut(&Slot) -> Result<u64, E>) -> Result<String, E> {
        let mut text = String::with_capacity(self.len() + self.parts.len() * 20);
        for (before, slot) in &self.parts {
            text.push_str(before);
            text.push_str(&number(slot)?.to_string());
        }
        text.push_str(&self.end);
        Ok(text)
    }

    fn len(&self) -> usize {
        self.parts.iter().map(|(before, _)| before.len()).sum::<usize>() + self.end.len()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn names_lead_back_to_their_commands() {
        for command in WebhookCommand::ALL {
            assert_eq!(WebhookCommand::from_name(command.name()), Some(*command));
            let says_before = command.name().contains("Before") || command.name().contains("Prev");
            assert_eq!(command.is_before(), says_before, "{command}");
        }
        assert_eq!(WebhookCommand::ALL.len(), 58, "57 of the index and the edit of group messages");
    }

    #[test]
    fn slots_are_filled() {
        let ana = UserId::parse("ana").unwrap();
        let body =
            Body::new(r#"{"a":[{"n":"#).then(Slot::Seq(1), r#"}],"b":1}"#).member("Unread", Slot::Unread(ana.clone()));
        let text = body.fill(|slot| {
            Ok::<_, Infallible>(match slot {
                Slot::Seq(at) => 40 + *at as u64,
                Slot::Unread(user) => u64::from(*user == ana),
            })
        });
        assert_eq!(text.unwrap(), r#"{"a":[{"n":41}],"b":1,"Unread":1}"#);
    }
}
