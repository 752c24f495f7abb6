//! How much of everything: sizes, counts, batches and rates (docs/spec/limits-and-editions.md).
//!
//! Every limit is data. An app chooses a [`Preset`] and overrides single keys; [`crate::AppSettings::limits`] answers what
//! then holds. Sections and fields are the keys of the specification: `limits.group.name_bytes`. The unit is in the name;
//! a field without one counts things. Lengths are counted in bytes of UTF-8. The lengths of ids belong to the ids
//! ([`crate::id`]) and cannot be set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{column::choice, group::GroupType};

macro_rules! sections {
    ($($(#[$section_doc:meta])* $section:ident: $limits:ident / $changes:ident {
        $($(#[$doc:meta])* $name:ident: $classic:literal,)+
    })+) => {
        $(
            $(#[$section_doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
            pub struct $limits {
                $($(#[$doc])* pub $name: u32,)+
            }

            impl $limits {
                const CLASSIC: $limits = $limits { $($name: $classic,)+ };
            }

            #[doc = concat!("Changed keys of [`", stringify!($limits), "`]; absent ones stay as the preset has them.")]
            #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $changes {
                $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<u32>,)+
            }

            impl $changes {
                fn apply(&self, limits: &mut $limits) {
                    $(if let Some(value) = self.$name {
                        limits.$name = value;
                    })+
                }

                fn is_empty(&self) -> bool {
                    *self == Self::default()
                }
            }
        )+

        /// Every limit of an app.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct Limits {
            $($(#[$section_doc])* pub $section: $limits,)+
            /// Most members of a group, per type, where the preset or the app sets it.
            pub max_members: MaxMembers,
        }

        /// Changed keys of [`Limits`]; absent ones stay as the preset has them, unknown ones are refused.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct LimitsOverride {
            $($(#[$section_doc])* #[serde(skip_serializing_if = "is_empty")] pub $section: $changes,)+
            /// Most members of a group, per type.
            #[serde(skip_serializing_if = "is_empty")]
            pub max_members: MaxMembers,
        }

        impl Limits {
            const CLASSIC: Limits = Limits { $($section: $limits::CLASSIC,)+ max_members: MaxMembers::BY_TYPE };

            /// The limits with some keys changed.
            #[must_use]
            pub fn with(mut self, changes: &LimitsOverride) -> Limits {
                $(changes.$section.apply(&mut self.$section);)+
                self.max_members.apply(changes.max_members);
                self
            }
        }

        $(impl Changes for $changes {
            fn is_empty(&self) -> bool {
                self.is_empty()
            }
        })+
    };
}

trait Changes {
    fn is_empty(&self) -> bool;
}

fn is_empty<T: Changes>(changes: &T) -> bool {
    changes.is_empty()
}

sections! {
    /// The app as a whole.
    app: AppLimits / AppLimitsOverride {
        /// Most accounts; 0 = no cap. Code 70398.
        max_accounts: 0,
        /// Most admin accounts.
        max_admins: 5,
        /// Most robots. rest-users.md 3
        max_robots: 20,
        /// Length of a robot's name, picture address and signature, each.
        robot_text_bytes: 500,
    }

    /// Accounts and logins.
    account: AccountLimits / AccountLimitsOverride {
        /// Accounts per import, delete and check call.
        batch: 100,
        /// Accounts per presence query.
        state_batch: 500,
    }

    /// Presence.
    presence: PresenceLimits / PresenceLimitsOverride {
        /// People whose presence one account follows; the oldest is dropped.
        max_subscriptions: 200,
        /// Length of what a user says of themselves.
        custom_status_bytes: 1000,
    }

    /// Profiles of accounts.
    profile: ProfileLimits / ProfileLimitsOverride {
        /// Length of a nickname.
        nick_bytes: 500,
        /// Length of an avatar address.
        face_url_bytes: 500,
        /// Length of a signature line.
        self_signature_bytes: 500,
        /// Length of a location.
        location_bytes: 16,
        /// Profiles per call.
        batch: 100,
        /// Custom fields an app may declare.
        custom_fields: 20,
        /// Letters of a custom field's keyword.
        custom_key_chars: 8,
        /// Length of a custom field's value.
        custom_value_bytes: 500,
        /// Accounts whose profile changes one account follows; the oldest is dropped.
        max_subscriptions: 200,
    }

    /// Messages of any kind.
    message: MessageLimits / MessageLimitsOverride {
        /// All elements and the custom data of one message. Codes 80002, 93000.
        max_bytes: 12_288,
        /// Receivers of one batch send. Code 90011.
        batch_receivers: 500,
        /// Longest time a message waits for its receiver. Code 90026, README ruling 11.
        max_life_secs: 604_800,
        /// Mentions in one message. Code 10053.
        max_mentions: 30,
        /// Receivers of a directed group message. Code 10004.
        max_targets: 50,
        /// Merged messages inside merged messages.
        max_merge_depth: 100,
        /// Group messages recalled by one call.
        recall_batch: 10,
        /// Length of the reason of a recall.
        recall_reason_bytes: 100,
        /// Messages deleted by one call of a client. Code 10051.
        delete_span: 30,
        /// Longest time within which an app may let messages be recalled.
        max_recall_secs: 604_800,
    }

    /// The REST interface.
    rest: RestLimits / RestLimitsOverride {
        /// Longest answer. Code 10018.
        max_response_bytes: 1_048_576,
        /// Longest request. rest-common.md 1.2
        max_request_bytes: 4_194_304,
    }

    /// Key-values attached to messages.
    extension: ExtensionLimits / ExtensionLimitsOverride {
        /// Pairs on one message.
        pairs_per_message: 300,
        /// Pairs per call.
        pairs_per_call: 20,
        /// Length of a key.
        key_bytes: 100,
        /// Length of a value.
        value_bytes: 1000,
        /// Write calls on one message per minute. Code 23003.
        writes_per_minute: 200,
        /// Pairs per page.
        page: 200,
    }

    /// Read receipts in groups.
    receipt: ReceiptLimits / ReceiptLimitsOverride {
        /// Members of the largest group that keeps receipts. Code 10061.
        max_group_members: 200,
        /// Messages per call. README ruling 16.
        batch: 50,
        /// Readers per page.
        page: 200,
    }

    /// Unread counts of one-to-one conversations. Groups have no such cap.
    unread: UnreadLimits / UnreadLimitsOverride {
        /// Conversations that are counted.
        c2c_conversations: 100,
        /// The highest count of one conversation.
        c2c_per_conversation: 250,
    }

    /// Stored messages.
    history: HistoryLimits / HistoryLimitsOverride {
        /// How long messages are kept; 0 = for ever.
        days: 7,
        /// Group messages per page over REST.
        group_page: 20,
        /// One-to-one messages per page over REST.
        c2c_page: 100,
    }

    /// Imports.
    import: ImportLimits / ImportLimitsOverride {
        /// Group messages per call. README ruling 16.
        group_messages: 20,
        /// Group members per call. Code 10005, README ruling 16.
        group_members: 500,
    }

    /// Groups and their members.
    group: GroupLimits / GroupLimitsOverride {
        /// Length of a name. Code 10004.
        name_bytes: 30,
        /// Length of an introduction. Code 10004.
        introduction_bytes: 240,
        /// Length of a notification. Code 10004.
        notification_bytes: 300,
        /// Length of an avatar address. Code 10004.
        face_url_bytes: 100,
        /// Length of a member's name card. Code 10004.
        name_card_bytes: 50,
        /// Custom group fields an app may declare.
        custom_fields: 20,
        /// Custom member fields an app may declare.
        member_custom_fields: 5,
        /// Length of a custom field's key.
        custom_key_bytes: 16,
        /// Length of a custom group field's value.
        custom_value_bytes: 512,
        /// Length of a custom member field's value.
        member_custom_value_bytes: 64,
        /// Members at creation. Code 10005, README ruling 16.
        create_members: 500,
        /// Members added per call. Code 10005, README ruling 16.
        add_members: 500,
        /// Members removed per call. Code 10005, README ruling 16.
        delete_members: 500,
        /// Members muted, or asked for their role, per call. Code 10005.
        mute_batch: 500,
        /// People banned per call. Code 10005.
        ban_batch: 20,
        /// Bans per page.
        ban_page: 100,
        /// Length of the reason of a ban.
        ban_reason_bytes: 1000,
        /// Groups described per call. Code 10004.
        info_batch: 50,
        /// Named members described per call.
        member_info_batch: 50,
        /// Members per page.
        member_page: 6000,
        /// Ids per page of the list of all groups.
        list_page: 10_000,
        /// Groups per page of a search by name.
        search_page: 200,
        /// Groups per page of the list of an account's groups.
        joined_page: 5000,
        /// Named receivers of a system notification.
        notice_receivers: 500,
        /// Attributes of a group. Code 10047.
        attr_keys: 16,
        /// Length of an attribute's key. Code 10045.
        attr_key_bytes: 32,
        /// Length of an attribute's value. Code 10046.
        attr_value_bytes: 4000,
        /// Length of all attributes' values together. Code 10048.
        attr_total_bytes: 16_000,
        /// Counters of a group. Code 10063.
        counters: 20,
        /// Length of a counter's key.
        counter_key_bytes: 128,
        /// Pinned messages of a group. Code 10070.
        max_pinned: 10,
        /// Applications to join kept for one account.
        pending: 100,
        /// Groups that one account has created or joined; 0 = no cap. Code 10037.
        max_groups_per_user: 0,
        /// Groups of an app; 0 = no cap. Code 10058.
        max_groups: 0,
        /// Live rooms of an app; 0 = no cap. Code 10036.
        max_avchatrooms: 0,
        /// Groups created less groups dissolved on one day, communities not counted; 0 = no cap. Code 10006.
        max_new_per_day: 0,
        /// The part of `max_new_per_day` at which the app's backend is warned.
        new_per_day_alarm_percent: 70,
    }

    /// Topics of communities. Their names and texts have the lengths of groups.
    topic: TopicLimits / TopicLimitsOverride {
        /// Topics of one community. Code 10037.
        per_group: 200,
        /// Length of the custom string.
        custom_string_bytes: 3000,
    }

    /// Permission groups of communities.
    permission_group: PermissionGroupLimits / PermissionGroupLimitsOverride {
        /// Permission groups of one community. Code 10037.
        per_group: 100,
        /// Length of a name.
        name_bytes: 150,
        /// Length of the custom string.
        custom_string_bytes: 3000,
        /// Permission groups per call and page.
        batch: 20,
        /// Topics per call.
        topic_batch: 50,
        /// Members added or removed per call.
        member_batch: 100,
        /// Members per page.
        member_page: 50,
    }

    /// Live rooms.
    live: LiveLimits / LiveLimitsOverride {
        /// Admins of one room.
        max_admins: 5,
        /// Different marks in one room.
        marks: 10,
        /// Members with one mark.
        members_per_mark: 1000,
        /// Members marked per call.
        mark_batch: 500,
        /// Accounts looked for in a room per call.
        check_batch: 500,
        /// Robots added or removed per call.
        robot_batch: 500,
        /// Members per page.
        member_page: 500,
        /// Most messages that an app may let newcomers see.
        max_newcomer_messages: 20,
    }

    /// Friends, block list and followers.
    sns: SnsLimits / SnsLimitsOverride {
        /// Friends of an account. Codes 30010, 30014.
        max_friends: 3000,
        /// Requests waiting for an account's answer. Code 30012.
        max_pending: 100,
        /// Friend lists of an account. Code 30011.
        max_lists: 32,
        /// Length of a friend list's name.
        list_name_bytes: 30,
        /// Length of a remark. Code 30001.
        remark_bytes: 96,
        /// Length of the words of a request. Code 30001.
        wording_bytes: 256,
        /// Letters after the prefix of a source.
        add_source_chars: 8,
        /// People on an account's block list. Code 30013.
        max_blocked: 1000,
        /// Friends per import, check and delete call.
        import_batch: 1000,
        /// Friends whose data one call reads.
        get_batch: 100,
        /// Custom friend fields an app may declare.
        custom_fields: 20,
        /// Letters of a custom field's keyword.
        custom_key_chars: 8,
        /// Length of a custom field's value.
        custom_value_bytes: 500,
        /// Accounts followed or left per call.
        follow_batch: 20,
        /// Accounts per check of following.
        follow_check_batch: 100,
        /// Followers per page.
        follow_page: 1000,
    }

    /// Conversation lists.
    conversation: ConversationLimits / ConversationLimitsOverride {
        /// Conversations in an account's list.
        max_kept: 100,
        /// Conversations pinned at the top. Code 51012.
        max_pinned: 50,
        /// Conversation groups of an account. Code 51010.
        max_groups: 20,
        /// Length of a conversation group's name.
        group_name_bytes: 32,
        /// Conversations with a mark or in a group. Code 51008.
        max_grouped: 1000,
        /// Length of a conversation's custom data.
        custom_bytes: 256,
        /// Conversations per call. Code 51006.
        batch: 100,
    }
}

/// Most members of a group, per built-in type. Absent: the number of the type's policy. 0 = no cap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxMembers {
    /// Of Work groups.
    #[serde(rename = "Work", alias = "Private", skip_serializing_if = "Option::is_none")]
    pub work: Option<u32>,
    /// Of Public groups.
    #[serde(rename = "Public", skip_serializing_if = "Option::is_none")]
    pub public: Option<u32>,
    /// Of Meeting groups.
    #[serde(rename = "Meeting", alias = "ChatRoom", skip_serializing_if = "Option::is_none")]
    pub meeting: Option<u32>,
    /// Of live rooms.
    #[serde(rename = "AVChatRoom", skip_serializing_if = "Option::is_none")]
    pub av_chat_room: Option<u32>,
    /// Of communities.
    #[serde(rename = "Community", skip_serializing_if = "Option::is_none")]
    pub community: Option<u32>,
}

impl MaxMembers {
    const BY_TYPE: MaxMembers =
        MaxMembers { work: None, public: None, meeting: None, av_chat_room: None, community: None };

    /// The same number for Work, Public and Meeting.
    const fn small_groups(members: u32) -> MaxMembers {
        MaxMembers { work: Some(members), public: Some(members), meeting: Some(members), ..Self::BY_TYPE }
    }

    /// The cap that is set for a built-in type.
    #[must_use]
    pub fn of(&self, group_type: &GroupType) -> Option<u32> {
        match group_type {
            GroupType::Work => self.work,
            GroupType::Public => self.public,
            GroupType::Meeting => self.meeting,
            GroupType::AvChatRoom => self.av_chat_room,
            GroupType::Community => self.community,
            GroupType::Broadcast | GroupType::Custom(_) => None,
        }
    }

    fn apply(&mut self, changes: MaxMembers) {
        self.work = changes.work.or(self.work);
        self.public = changes.public.or(self.public);
        self.meeting = changes.meeting.or(self.meeting);
        self.av_chat_room = changes.av_chat_room.or(self.av_chat_room);
        self.community = changes.community.or(self.community);
    }
}

impl Changes for MaxMembers {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

choice! {
    /// A set of limits by name.
    Preset {
        /// The numbers of the second-generation documents.
        Classic = "classic";
        /// The newest numbers.
        Current = "current";
        /// What the vendor lets people try.
        Trial = "trial";
        /// The vendor's smaller plan.
        Professional = "professional";
        /// The vendor's larger plan.
        Ultimate = "ultimate";
    }
}

impl Preset {
    /// The limits of that name.
    #[must_use]
    pub fn limits(self) -> Limits {
        match self {
            Preset::Classic => Limits::classic(),
            Preset::Current => Limits::current(),
            Preset::Trial => Limits::trial(),
            Preset::Professional => Limits::professional(),
            Preset::Ultimate => Limits::ultimate(),
        }
    }
}

impl Limits {
    /// The numbers of the second-generation documents, without the caps of a paid plan.
    #[must_use]
    pub const fn classic() -> Limits {
        Self::CLASSIC
    }

    /// The newest numbers (docs/spec/limits-and-editions.md, column Enterprise).
    #[must_use]
    pub const fn current() -> Limits {
        Limits {
            app: AppLimits { max_admins: 10, ..AppLimits::CLASSIC },
            history: HistoryLimits { days: 90, ..HistoryLimits::CLASSIC },
            group: GroupLimits {
                name_bytes: 100,
                introduction_bytes: 400,
                notification_bytes: 400,
                face_url_bytes: 500,
                custom_fields: 10,
                max_groups_per_user: 3000,
                max_new_per_day: 10_000,
                ..GroupLimits::CLASSIC
            },
            max_members: MaxMembers { community: Some(1_000_000), ..MaxMembers::small_groups(6000) },
            ..Self::CLASSIC
        }
    }

    /// The vendor's plan for trying things out: few accounts, few and small groups.
    #[must_use]
    pub const fn trial() -> Limits {
        Limits {
            app: AppLimits { max_accounts: 100, ..AppLimits::CLASSIC },
            group: GroupLimits {
                max_groups_per_user: 50,
                max_groups: 100,
                max_avchatrooms: 10,
                max_new_per_day: 100,
                ..GroupLimits::CLASSIC
            },
            sns: SnsLimits { max_friends: 20, ..SnsLimits::CLASSIC },
            max_members: MaxMembers::small_groups(20),
            ..Self::CLASSIC
        }
    }

    /// The vendor's smaller plan.
    #[must_use]
    pub const fn professional() -> Limits {
        Limits {
            group: GroupLimits {
                max_groups_per_user: 500,
                max_avchatrooms: 50,
                max_new_per_day: 10_000,
                ..GroupLimits::CLASSIC
            },
            max_members: MaxMembers::small_groups(200),
            ..Self::CLASSIC
        }
    }

    /// The vendor's larger plan.
    #[must_use]
    pub const fn ultimate() -> Limits {
        Limits {
            history: HistoryLimits { days: 30, ..HistoryLimits::CLASSIC },
            group: GroupLimits { max_groups_per_user: 1000, max_new_per_day: 10_000, ..GroupLimits::CLASSIC },
            max_members: MaxMembers::small_groups(2000),
            ..Self::CLASSIC
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::classic()
    }
}

/// How often: the rates of an app. 0 switches a rate off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Ordinary messages per second in one group, from clients and REST together; a type's `msg_rate_per_sec` wins.
    pub group_messages_per_second: u32,
    /// Ordinary messages per second of one member in one group.
    pub group_member_messages_per_second: u32,
    /// How much of the group's rate each priority may use, where it must be decided at once.
    pub priority_shares: PriorityShares,
    /// One-to-one messages per second of one account.
    pub c2c_messages_per_second: u32,
    /// Receivers of batch sends per minute. Code 90057.
    pub batch_send_receivers_per_minute: u32,
    /// Writes of one group's attributes per second. Code 10049.
    pub attr_writes_per_second: u32,
    /// Broadcasts to all live rooms per second. Code 10023.
    pub live_broadcast_per_second: u32,
    /// Messages of an official account per hour, and then one a second at most. Code 10006.
    pub official_messages_per_hour: u32,
    /// Calls of one REST command per second, unless `rest` or the vendor's exceptions name it. Code 60007.
    pub rest_default_per_second: u32,
    /// Calls per second of single REST commands, by command name.
    pub rest: BTreeMap<String, u32>,
    /// The part of a rate at which the app's backend is warned.
    pub alarm_percent: u32,
}

/// Which part of a group's rate each priority may use up, in thousandths (docs/spec/limits-and-editions.md#3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriorityShares {
    /// Gifts and what the host does.
    pub high_permille: u32,
    /// Text.
    pub normal_permille: u32,
    /// Likes.
    pub low_permille: u32,
}

impl Default for PriorityShares {
    fn default() -> Self {
        Self { high_permille: 1000, normal_permille: 1000, low_permille: 1000 }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            group_messages_per_second: 40,
            group_member_messages_per_second: 0,
            priority_shares: PriorityShares::default(),
            c2c_messages_per_second: 0,
            batch_send_receivers_per_minute: 12_000,
            attr_writes_per_second: 5,
            live_broadcast_per_second: 1,
            official_messages_per_hour: 2,
            rest_default_per_second: 200,
            rest: BTreeMap::new(),
            alarm_percent: 80,
        }
    }
}

/// REST commands with a rate of their own (docs/spec/rest-common.md#1.4), sorted by name.
const REST_EXCEPTIONS: &[(&str, u32)] = &[
    ("account_check", 100),
    ("account_delete", 100),
    ("batch", 30),
    ("get_appid_group_list", 1),
    ("get_history", 10),
    ("im_add_tag", 100),
    ("im_get_attr", 100),
    ("im_get_attr_name", 100),
    ("im_get_tag", 100),
    ("im_remove_all_tags", 100),
    ("im_remove_attr", 100),
    ("im_remove_tag", 100),
    ("im_set_attr", 100),
    ("im_set_attr_name", 100),
    ("multiaccount_import", 100),
    ("search_group", 100),
];

impl Rates {
    /// Calls per second that an app may make of a REST command, named without its service. 0 = no limit.
    #[must_use]
    pub fn rest_per_second(&self, command: &str) -> u32 {
        if let Some(own) = self.rest.get(command) {
            return *own;
        }
        match REST_EXCEPTIONS.binary_search_by_key(&command, |(name, _)| name) {
            // Whoever switched the common rate off wants no rates.
            Ok(_) if self.rest_default_per_second == 0 => 0,
            Ok(found) => REST_EXCEPTIONS[found].1,
            Err(_) => self.rest_default_per_second,
        }
    }
}

#[cfg(test)]
mod tests;
