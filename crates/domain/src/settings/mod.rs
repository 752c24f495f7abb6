//! The settings of an app: data that operators change at run time, effective at once.
//!
//! A missing key has its default, an unknown key is refused, and [`AppSettings::validate`] says in words what does not fit
//! together. Keys that sign tickets are not here. Sections follow docs/spec/limits-and-editions.md; switches that only
//! unlock commands are on, switches that change what people see without asking are as the vendor has them.

pub mod field;
pub mod operations;
pub mod push;
mod validate;
pub mod webhook;

use std::{collections::BTreeMap, sync::OnceLock};

use serde::{Deserialize, Serialize};

pub use self::{
    field::{AccessLevel, FieldKind, GroupField, MemberField, UserField},
    operations::{ModerationSettings, OperationsSettings, TicketServiceSettings, WordFile},
    push::{PushChannel, PushSettings},
    validate::Problem,
    webhook::{FailurePolicy, WebhookSettings},
};
use crate::{
    UserId,
    column::choice,
    group::{GroupType, PolicyOverride, TypeNames},
    limits::{Limits, LimitsOverride, Preset, Rates},
};

/// Everything an operator decides about an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppSettings {
    /// What the app is called in the console.
    pub name: String,
    /// What the app is for.
    pub description: String,
    /// A disabled app refuses every request and login.
    pub disabled: bool,
    /// The accounts that may call REST commands.
    pub admins: Vec<UserId>,
    /// How much of everything.
    pub limits: LimitsChoice,
    /// How often.
    pub rates: Rates,
    /// Which commands and behaviours are switched on.
    pub features: Features,
    /// Changes to built-in types of groups, by canonical type name.
    pub group_types: BTreeMap<String, PolicyOverride>,
    /// The app's own types of groups, by name.
    pub custom_types: BTreeMap<String, CustomType>,
    /// Which generation of type names REST answers and webhooks use.
    pub type_names: TypeNames,
    /// Custom fields of groups.
    pub group_fields: Vec<GroupField>,
    /// Custom fields of members.
    pub member_fields: Vec<MemberField>,
    /// Custom fields of profiles.
    pub profile_fields: Vec<UserField>,
    /// Custom fields of friends.
    pub friend_fields: Vec<UserField>,
    /// Whether custom fields of groups and members that nobody declared are stored; if not, code 10004.
    pub accept_undeclared_fields: bool,
    /// Accounts.
    pub account: AccountSettings,
    /// Who may be online together.
    pub login: LoginSettings,
    /// Tickets.
    pub usersig: UserSigSettings,
    /// Messages.
    pub message: MessageSettings,
    /// Conversation lists.
    pub conversation: ConversationSettings,
    /// Presence.
    pub presence: PresenceSettings,
    /// Live rooms.
    pub live: LiveSettings,
    /// Friends.
    pub sns: SnsSettings,
    /// Uploaded files.
    pub files: FileSettings,
    /// Pushes, and announcements on devices that are away.
    pub push: PushSettings,
    /// The REST interface.
    pub rest: RestSettings,
    /// Texts that the app does not want to read.
    pub moderation: ModerationSettings,
    /// Statistics and message records.
    pub operations: OperationsSettings,
    /// Tickets for pages that have no backend.
    pub ticket_service: TicketServiceSettings,
    /// Calls to the app's backend.
    pub webhook: WebhookSettings,
}

/// The name of the admin account that every new app has.
pub const DEFAULT_ADMIN: &str = "administrator";

impl Default for AppSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            disabled: false,
            admins: vec![UserId::trusted(DEFAULT_ADMIN)],
            limits: LimitsChoice::default(),
            rates: Rates::default(),
            features: Features::default(),
            group_types: BTreeMap::new(),
            custom_types: BTreeMap::new(),
            type_names: TypeNames::Legacy,
            group_fields: Vec::new(),
            member_fields: Vec::new(),
            profile_fields: Vec::new(),
            friend_fields: Vec::new(),
            accept_undeclared_fields: false,
            account: AccountSettings::default(),
            login: LoginSettings::default(),
            usersig: UserSigSettings::default(),
            message: MessageSettings::default(),
            conversation: ConversationSettings::default(),
            presence: PresenceSettings::default(),
            live: LiveSettings::default(),
            sns: SnsSettings::default(),
            files: FileSettings::default(),
            push: PushSettings::default(),
            rest: RestSettings::default(),
            moderation: ModerationSettings::default(),
            operations: OperationsSettings::default(),
            ticket_service: TicketServiceSettings::default(),
            webhook: WebhookSettings::default(),
        }
    }
}

impl AppSettings {
    /// The limits that hold: the preset with the app's changes. Worked out once.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.limits.resolved()
    }

    /// Whether the account is an admin of the app.
    #[must_use]
    pub fn is_admin(&self, user: &UserId) -> bool {
        self.admins.contains(user)
    }

    /// How many days messages are kept; 0 = for ever.
    #[must_use]
    pub fn history_days(&self) -> u32 {
        self.limits().history.days
    }

    /// How many people the member list of a live room shows: the latest 30 without the feature.
    #[must_use]
    pub fn live_member_list_size(&self) -> u32 {
        if self.features.live_member_list { self.live.member_list_size } else { self.live.member_list_size.min(30) }
    }

    /// The type of group that a caller names: a built-in one in any spelling, or one that the app defined.
    #[must_use]
    pub fn group_type(&self, name: &str) -> Option<GroupType> {
        GroupType::parse_builtin(name)
            .or_else(|| self.custom_types.contains_key(name).then(|| GroupType::Custom(name.into())))
    }

    /// Whether the type of group is `base`, or one that the app derived from it.
    #[must_use]
    pub fn derives_from(&self, group_type: &GroupType, base: &GroupType) -> bool {
        match group_type {
            GroupType::Custom(name) => self.custom_types.get(&**name).is_some_and(|custom| custom.reference == *base),
            built_in => built_in == base,
        }
    }
}

/// A preset of limits and the keys that the app changes. Replaced as a whole, so that what it comes to is known.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsChoice {
    preset: PresetOrClassic,
    #[serde(skip_serializing_if = "no_changes")]
    overrides: LimitsOverride,
    #[serde(skip)]
    resolved: OnceLock<Limits>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct PresetOrClassic(Preset);

impl Default for PresetOrClassic {
    fn default() -> Self {
        Self(Preset::Classic)
    }
}

fn no_changes(overrides: &LimitsOverride) -> bool {
    *overrides == LimitsOverride::default()
}

impl LimitsChoice {
    /// A preset with some keys changed.
    #[must_use]
    pub fn new(preset: Preset, overrides: LimitsOverride) -> Self {
        Self { preset: PresetOrClassic(preset), overrides, resolved: OnceLock::new() }
    }

    /// The preset.
    #[must_use]
    pub fn preset(&self) -> Preset {
        self.preset.0
    }

    /// The changed keys.
    #[must_use]
    pub fn overrides(&self) -> &LimitsOverride {
        &self.overrides
    }

    /// What the two come to.
    #[must_use]
    pub fn resolved(&self) -> &Limits {
        self.resolved.get_or_init(|| self.preset.0.limits().with(&self.overrides))
    }
}

impl PartialEq for LimitsChoice {
    fn eq(&self, other: &Self) -> bool {
        (self.preset, &self.overrides) == (other.preset, &other.overrides)
    }
}

impl Eq for LimitsChoice {}

/// A type of group that the app defined (docs/spec/group-types.md#2.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomType {
    /// The built-in type it is derived from; not BChatRoom.
    pub reference: GroupType,
    /// What differs from it.
    #[serde(default)]
    pub overrides: PolicyOverride,
}

macro_rules! switches {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $default:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: bool,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

switches! {
    /// Commands and behaviours that can be switched off (docs/spec/limits-and-editions.md#8, group-types.md#3).
    /// What is off answers 10059 unless another code is named.
    Features {
        /// Communities. Code 11000.
        community = true,
        /// Topics of communities. Code 11000.
        topic = true,
        /// Permission groups of communities.
        permission_group = true,
        /// Live rooms list up to 1000 people and report who comes and goes; off: the latest 30, no report.
        live_member_list = true,
        /// Messages to all live rooms at once.
        live_broadcast = true,
        /// Bans in live rooms.
        live_ban = true,
        /// Marks of people in live rooms.
        live_member_marks = true,
        /// Robots in live rooms.
        live_robots = true,
        /// Admins of live rooms.
        live_admins = true,
        /// Visitors without login in live rooms.
        live_visitors = true,
        /// Read receipts in groups.
        group_read_receipt = true,
        /// Recall of group messages. Code 10041.
        group_recall = true,
        /// Group messages to named members.
        directed_messages = true,
        /// Counters of groups.
        group_counter = true,
        /// Key-values on messages. Code 23002.
        message_extension = true,
        /// Reactions to messages.
        message_reaction = true,
        /// Pinned messages of groups.
        pinned_messages = true,
        /// Marks and groups of conversations.
        conversation_marks = true,
        /// Presence, custom status and subscriptions to them. Code 72001.
        presence = true,
        /// Subscriptions to profile changes. Code 72012.
        profile_subscription = true,
        /// Do-not-disturb for everything. Code 72011.
        global_dnd = true,
        /// Followers. Code 30005.
        follow = true,
        /// Messages to all accounts, or to those with a tag. Code 90045.
        all_member_push = true,
        /// Official accounts. Code 131000.
        official_account = true,
        /// Deletion of accounts. Code 71000.
        account_delete = true,
        /// Search in the cloud.
        search = true,
        /// Word lists and content checks.
        moderation = true,
    }
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

section! {
    /// Accounts.
    AccountSettings {
        /// For how many days the id of a deleted account cannot be imported again; 0 = at once. Code 70399.
        reimport_block_days: u32 = 0,
    }
}

choice! {
    /// Which devices of one account may be online together (docs/spec/limits-and-editions.md#9).
    LoginPolicy {
        /// One device in all.
        Single = "single";
        /// One native device and Web.
        Dual = "dual";
        /// One mobile device or tablet, one desktop, and Web.
        Triple = "triple";
        /// One device per platform.
        Multi = "multi";
    }
}

section! {
    /// Who may be online together.
    LoginSettings {
        /// Which devices of one account.
        policy: LoginPolicy = LoginPolicy::Dual,
        /// How many Web sessions of one account; 1 to 10.
        web_instances: u32 = 1,
        /// How many sessions on each native platform; 1 to 3.
        native_instances: u32 = 1,
        /// Whether a device that reconnects learns that it was logged off meanwhile.
        notify_kick_on_reconnect: bool = true,
        /// Whether a device that logs in learns that it was logged off before. Code 6208.
        notify_kick_on_login: bool = true,
    }
}

section! {
    /// Tickets (docs/spec/usersig.md).
    UserSigSettings {
        /// How far in the future a ticket may have been signed, in seconds.
        max_future_skew_secs: u32 = 600,
        /// The longest life of a ticket, in seconds.
        max_expire_secs: u32 = 1_576_800_000,
    }
}

section! {
    /// Messages.
    MessageSettings {
        /// Within how many seconds clients may recall. Codes 10031, 20016.
        recall_secs: u32 = 120,
        /// For how many seconds a repeated group message is known as such. README ruling 2.
        group_dedupe_secs: u32 = 300,
        /// For how many seconds a repeated one-to-one message is known as such. README ruling 2.
        c2c_dedupe_secs: u32 = 120,
        /// Whether a sender whom the receiver blocked is told success; if not, code 20007.
        blocked_pretend_success: bool = true,
        /// Whether only friends may write to each other. Codes 20009 to 20011.
        require_friend: bool = false,
    }
}

section! {
    /// Conversation lists.
    ConversationSettings {
        /// Whether a deletion on one device shows on the others.
        sync_delete: bool = false,
    }
}

section! {
    /// Presence.
    PresenceSettings {
        /// After how many silent seconds a native device is offline.
        native_timeout_secs: u32 = 400,
        /// After how many silent seconds a Web session is offline.
        web_timeout_secs: u32 = 60,
        /// For how many days after the last login a mobile device counts as reachable by push.
        push_online_days: u32 = 7,
    }
}

section! {
    /// Live rooms (docs/spec/limits-and-editions.md#4.1).
    LiveSettings {
        /// How many of the latest messages a newcomer gets; 0 to 20.
        newcomer_messages: u32 = 0,
        /// From how many past hours.
        newcomer_hours: u32 = 24,
        /// How many people the member list shows.
        member_list_size: u32 = 1000,
        /// In how many rooms one account is at a time; entering another leaves the first.
        rooms_per_user: u32 = 10,
        /// How often silent people are looked for, in seconds.
        heartbeat_check_secs: u32 = 20,
        /// After how many silent seconds somebody is away: not counted, not listed, marks gone.
        heartbeat_timeout_secs: u32 = 30,
        /// After how many seconds away somebody has left; who comes back earlier need not enter again.
        forget_absent_secs: u32 = 3600,
        /// Most tips per second about who came and went in one room; 0 = no limit. Those above tell of several people.
        member_tips_per_second: u32 = 5,
    }
}

choice! {
    /// What becomes of a friend request to somebody who never chose (docs/spec/rest-users.md#5.3).
    AllowType {
        /// They are asked.
        NeedConfirm = "need_confirm" | "AllowType_Type_NeedConfirm";
        /// They are friends at once.
        AllowAny = "allow_any" | "AllowType_Type_AllowAny";
        /// It is refused.
        DenyAny = "deny_any" | "AllowType_Type_DenyAny";
    }
}

section! {
    /// Friends.
    SnsSettings {
        /// What becomes of a friend request to somebody who never chose.
        default_allow_type: AllowType = AllowType::NeedConfirm,
    }
}

section! {
    /// Files that clients upload (docs/spec/limits-and-editions.md#3).
    FileSettings {
        /// The largest picture or sound, in megabytes.
        max_image_mb: u32 = 28,
        /// The largest video or other file, in megabytes.
        max_file_mb: u32 = 100,
        /// For how many days a file is kept and its address holds; 0 = for ever.
        days: u32 = 7,
    }
}

section! {
    /// The REST interface.
    RestSettings {
        /// The longest time a command may take, in milliseconds. Code 60008.
        deadline_ms: u32 = 3000,
    }
}

#[cfg(test)]
mod tests;
