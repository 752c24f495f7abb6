//! What each type of group allows: one row per type, one column per difference (docs/spec/group-types.md#2).
//!
//! Everything that differs between types is a column of [`GroupPolicy`]; nothing else in the server asks for the name of a
//! type. Each built-in type is a constant built from its nearest relative, so that it shows what sets it apart. Apps
//! override columns of built-in types and define types of their own; [`GroupPolicy::for_app`] answers what then holds,
//! and [`GroupPolicy::explain`] where each cell comes from.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::GroupType;
use crate::{
    column::{self, Column, choice},
    settings::AppSettings,
};

choice! {
    /// The lowest role, above ordinary members, that may edit a group's profile.
    ProfileEditors {
        /// Admins and the owner.
        Admin = "admin";
        /// Only the owner.
        Owner = "owner";
        /// Only app admins.
        AppAdmin = "app_admin";
    }
}

choice! {
    /// What members can read of the member list.
    MemberList {
        /// All members, page by page.
        Full = "full";
        /// Only as many as `member_list_partial_size` says.
        Partial = "partial";
        /// No stored list; a list of those who are in the room now.
        Online = "online";
        /// Nothing.
        None = "none";
    }
}

choice! {
    /// What becomes of an application to join.
    ApplyJoinOption {
        /// It is refused.
        DisableApply = "disable_apply" | "DisableApply", 0;
        /// The owner or an admin decides.
        NeedPermission = "need_permission" | "NeedPermission", 1;
        /// The applicant is in at once.
        FreeAccess = "free_access" | "FreeAccess", 2;
    }
}

choice! {
    /// Who may bring others into a group from a client.
    InviteJoinOption {
        /// Nobody, not even the owner.
        DisableInvite = "disable_invite" | "DisableInvite";
        /// Owner and admins directly; an invitation by a member waits for their approval.
        NeedPermission = "need_permission" | "NeedPermission";
        /// Every member.
        FreeAccess = "free_access" | "FreeAccess";
    }
}

choice! {
    /// What an invitation by an ordinary member does.
    MemberInvite {
        /// Ordinary members do not invite.
        Nobody = "nobody", 0;
        /// The invited person is in at once.
        Direct = "direct", 1;
        /// The invited person must consent.
        InviteeConsents = "invitee_consents", 2;
    }
}

choice! {
    /// Who may remove members.
    KickRule {
        /// The owner everybody, an admin ordinary members.
        OwnerAndAdmins = "owner_and_admins", 0;
        /// Any member any other.
        AnyMember = "any_member", 1;
        /// Nobody, not even an app admin.
        Nobody = "nobody", 2;
    }
}

choice! {
    /// Whether ordinary members who went offline are removed every five minutes.
    OfflineSweep {
        /// The type has no such sweep.
        Unsupported = "unsupported";
        /// They stay.
        Off = "off", 0;
        /// They are removed.
        On = "on", 1;
    }
}

choice! {
    /// How the number of members who are online is known.
    OnlineCount {
        /// It is not.
        Unsupported = "unsupported";
        /// It is not counted.
        Off = "off", 0;
        /// Counted every five minutes.
        EveryFiveMinutes = "every_five_minutes", 1;
        /// Always known, at most ten seconds old.
        Live = "live";
    }
}

choice! {
    /// Who may send messages.
    SendPolicy {
        /// Members; in types that store none, those who have joined and not left.
        Members = "members";
        /// Every account of the app, joined or not.
        AnyAccount = "any_account";
        /// Only app admins.
        AppAdmins = "app_admins";
    }
}

choice! {
    /// How members learn that somebody came or went.
    MemberChangeNotice {
        /// Not at all.
        None = "none", 0;
        /// By a tip that clients show.
        Visible = "visible", 1;
        /// By a hint on which clients refresh their lists, and which they do not show.
        Silent = "silent", 2;
    }
}

choice! {
    /// How tips (notices inside the message stream) travel.
    Tips {
        /// They are stored with the messages and take a sequence number.
        Stored = "stored";
        /// They reach whoever is online, are not stored and take no sequence number.
        Transient = "transient";
    }
}

choice! {
    /// How a member receives the messages of a group.
    MsgFlag {
        /// Delivered, with offline push.
        AcceptAndNotify = "accept_and_notify" | "AcceptAndNotify", 0;
        /// Not delivered.
        Discard = "discard" | "Discard", 1;
        /// Delivered, without offline push.
        AcceptNotNotify = "accept_not_notify" | "AcceptNotNotify", 2;
    }
}

/// Where a cell of a policy comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The row of the built-in type.
    BuiltIn,
    /// The type that the app's own type refers to.
    Reference,
    /// The limits or rates of the app.
    Limits,
    /// The app's setting for this type.
    AppSetting,
}

impl Source {
    /// The source in words.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Source::BuiltIn => "built-in",
            Source::Reference => "reference type",
            Source::Limits => "limits",
            Source::AppSetting => "app setting",
        }
    }
}

/// One cell of a policy with its origin, for people who ask why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The column, by the name of its switch.
    pub column: &'static str,
    /// What holds.
    pub value: String,
    /// Where that comes from.
    pub source: Source,
}

macro_rules! columns {
    (
        fixed { $($(#[$fixed_doc:meta])* $fixed:ident: $fixed_type:ty,)+ }
        switches { $($(#[$doc:meta])* $name:ident: $type:ty $(| $alias:literal)?,)+ }
    ) => {
        /// What a type of group allows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct GroupPolicy {
            $($(#[$fixed_doc])* pub $fixed: $fixed_type,)+
            $($(#[$doc])* pub $name: $type,)+
        }

        /// What an app changes about a type of group. Absent: as the type has it.
        ///
        /// Cells are written as words, yes and no, or the numbers of docs/spec/group-types.md#2.9. Columns that decide how
        /// a type is built ([`GroupPolicy::members_stored`] and the others of its first block) cannot be changed.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct PolicyOverride {
            $(
                $(#[$doc])*
                #[serde(deserialize_with = "column::optional", skip_serializing_if = "Option::is_none" $(, alias = $alias)?)]
                pub $name: Option<$type>,
            )+
        }

        impl PolicyOverride {
            fn apply(&self, policy: &mut GroupPolicy) {
                $(if let Some(value) = self.$name {
                    policy.$name = value;
                })+
            }

            /// The columns that are changed, in the order of the table.
            #[must_use]
            pub fn columns(&self) -> Vec<&'static str> {
                [$((stringify!($name), self.$name.is_some())),+]
                    .into_iter()
                    .filter_map(|(name, set)| set.then_some(name))
                    .collect()
            }
        }

        impl GroupPolicy {
            fn explained(&self, row: &Source, layers: &[(Source, PolicyOverride)]) -> Vec<Explained> {
                vec![
                    $(Explained {
                        column: stringify!($fixed),
                        value: self.$fixed.word(),
                        source: row.clone(),
                    },)+
                    $(Explained {
                        column: stringify!($name),
                        value: self.$name.word(),
                        source: layers
                            .iter()
                            .rev()
                            .find(|(_, layer)| layer.$name.is_some())
                            .map_or(row, |(source, _)| source)
                            .clone(),
                    },)+
                ]
            }
        }
    };
}

columns! {
    fixed {
        /// Whether members are stored. If not, only owner, admins and presence are known, and being a member means having
        /// joined and not left. 2.1, 2.6
        members_stored: bool,
        /// Whether messages are stored and can be read again. 2.5
        history_stored: bool,
        /// Whether tips are messages with a sequence number. 4
        tips: Tips,
        /// Whether the group has an owner. 2.1
        has_owner: bool,
        /// Whether the owner is in the group from the start; if not, they join like everybody else. rest-groups.md 1.2
        owner_is_member_at_creation: bool,
        /// Whether messages go to everybody who is online instead of to members. 1
        reaches_everyone_online: bool,
        /// Whether clients show the group in their list of conversations. limits-and-editions.md 4.1
        conversation_entry: bool,
        /// Whether the group may be divided into topics. 7.1
        topics: bool,
        /// Whether rights may come from permission groups. 7.3
        permission_groups: bool,
        /// Whether clients may create groups of the type; app admins always may. README ruling 15
        client_may_create: bool,
        /// Whether a cap on members chosen for one group counts; if not, it is ignored. 2.4
        own_member_cap: bool,
        /// Whether the setting "history from before joining" exists for a single group. 4
        history_option: bool,
        /// Whether messages for online members only, without storing, exist; if not, the wish is ignored. rest-groups.md 3.1
        online_only_msgs: bool,
        /// Whether a message may be kept out of unread counts and last messages. rest-groups.md 3.1
        send_control: bool,
        /// Whether a system notification may go to named members; if not, only to all. rest-groups.md 3.2
        notice_to_named_members: bool,
        /// Whether the group receives broadcasts to all live rooms. rest-groups.md 6
        broadcasts: bool,
        /// Whether the live-room commands that appoint and list admins work. rest-groups.md 6
        live_admins: bool,
        /// Whether robots can be added. rest-groups.md 6
        live_robots: bool,
        /// Whether members in the room can carry marks. rest-groups.md 6
        member_marks: bool,
        /// Whether the number of people in the room can be asked for. 2.6
        online_count: bool,
        /// Whether the list of people in the room can be asked for. 2.6
        online_list: bool,
        /// Whether clients withdraw what was just said though nothing is stored. websocket-protocol.md 14
        live_recall: bool,
    }
    switches {
        /// Whether somebody outside finds the group by its id and reads its public profile. 2.1
        searchable_by_id: bool,
        /// Whether somebody outside finds the group by its name. 2.1
        searchable_by_name: bool,
        /// Whether the role of admin exists. 2.1
        has_admins: bool,
        /// Whether ordinary members edit name, introduction, notification and avatar. 2.1
        member_edits_profile: bool,
        /// The lowest role above ordinary members that edits the profile. 2.1
        profile_edit_min_role: ProfileEditors,
        /// What members see of the member list. 2.1
        member_list: MemberList | "member_list_mode",
        /// How many members a partial list shows. 2.1
        member_list_partial_size: u32,
        /// Whether the owner may dismiss the group; app admins always may. 2.1
        owner_may_dismiss: bool,
        /// Whether one may apply to join. 2.2
        apply_join_allowed: bool,
        /// The join option of new groups. 2.2, README ruling 20
        default_apply_option: ApplyJoinOption,
        /// What an invitation by an ordinary member does. 2.2
        member_invite: MemberInvite,
        /// Whether app admins may add members. 2.2
        rest_add_member: bool,
        /// Whether a group may be created with members. 2.2
        create_with_members: bool,
        /// Whether the group has an invite option at all. 2.2
        has_invite_option: bool,
        /// The invite option of new groups. Follows `member_invite` where an app changes that and not this. 2.2
        default_invite_option: InviteJoinOption,
        /// Whether visitors without login receive messages. 2.2
        guests_allowed: bool,
        /// Whether people can be banned. 2.2
        ban_supported: bool,
        /// Whether the owner appoints admins. 2.3
        owner_sets_admins: bool,
        /// Whether the owner may leave, the group then having none. 2.3
        owner_may_quit: bool,
        /// Whether the group can be handed to another owner. rest-groups.md 1.6
        transferable: bool,
        /// Who removes members. 2.3
        kick: KickRule | "kick_policy",
        /// Whether single members can be muted. 2.3
        mute_supported: bool,
        /// Whether a mute outlives leaving and coming back. 2.3
        mute_survives_rejoin: bool,
        /// Whether all members can be muted at once. 2.3
        mute_all_supported: bool,
        /// Whether members who went offline are removed. 2.3
        kick_offline: OfflineSweep,
        /// Whether members who are online are counted. 2.3
        count_online: OnlineCount,
        /// Most members of a group; 0 = no cap. 2.4
        max_members: u32,
        /// Most groups of the type in an app; 0 = no cap. 2.4
        max_groups: u32,
        /// Who sends messages. 2.5
        send_policy: SendPolicy,
        /// Whether unread messages are counted, and so whether setting the count has an effect. 2.5
        unread_count: bool,
        /// Whether newcomers read what was said before they joined. 2.5
        history_before_join: bool,
        /// How many of the latest messages a newcomer to a live room gets; 0 to 20. 2.5
        history_before_join_count: u32,
        /// How members learn who came and went. 2.5
        member_change_notice: MemberChangeNotice | "notify_member_change",
        /// Whether members learn of changed name, notification, introduction, avatar and owner. limits-and-editions.md 8
        profile_notice: bool | "notify_profile",
        /// Whether members learn of mutes and of appointed admins. limits-and-editions.md 8, README ruling 14
        member_profile_notice: bool | "notify_member_profile",
        /// Whether members learn that all were muted or the join option changed. limits-and-editions.md 8
        settings_notice: bool | "notify_settings",
        /// Whether only the owner sees the group before the first message. 2.8
        activate_on_first_msg: bool,
        /// How new members receive messages; decides offline push. 2.5
        default_msg_flag: MsgFlag,
        /// Whether senders can ask who has read a message. 2.5
        read_receipts: bool,
        /// Whether a message can go to named members only. 2.5
        directed_msgs: bool,
        /// Whether key-values can be attached to a message. 2.5
        msg_extension: bool,
        /// Whether members can react to a message.
        msg_reactions: bool,
        /// Whether a sent message can be edited. 2.5
        edit_supported: bool,
        /// Whether a sent message can be recalled. 2.5
        recall_supported: bool,
        /// Whether members can delete messages from their own view. rest-groups.md 0.4, code 10035
        delete_supported: bool,
        /// Whether app admins can hide the history from members. rest-groups.md 3.7
        clear_supported: bool,
        /// Whether messages can be pinned.
        pins_supported: bool,
        /// Whether a message can mention everybody. 2.5
        at_all: bool,
        /// Most ordinary messages per second and group; 0 = no limit. 2.5
        msg_rate_per_sec: u32,
        /// Whether a sender above the rate is told success. README ruling 19
        silent_drop: bool,
        /// Whether groups, members and messages can be imported. 2.6
        import_allowed: bool,
        /// After how many seconds without message or member change a group is removed; 0 = never. 2.6
        recycle_seconds: u32,
        /// Whether the group has attributes. 2.6
        group_attr: bool,
        /// Whether the group has counters. 2.6
        group_counter: bool,
        /// Whether members have custom fields. 2.6
        member_custom_fields: bool,
    }
}

impl GroupPolicy {
    /// Small groups by invitation: no strangers, no admins, the owner may leave.
    pub const WORK: GroupPolicy = GroupPolicy {
        members_stored: true,
        history_stored: true,
        tips: Tips::Stored,
        has_owner: true,
        owner_is_member_at_creation: true,
        reaches_everyone_online: false,
        conversation_entry: true,
        topics: false,
        permission_groups: false,
        client_may_create: true,
        own_member_cap: true,
        history_option: true,
        online_only_msgs: true,
        send_control: true,
        notice_to_named_members: true,
        broadcasts: false,
        live_admins: false,
        live_robots: false,
        member_marks: false,
        online_count: false,
        online_list: false,
        live_recall: false,
        searchable_by_id: false,
        searchable_by_name: false,
        has_admins: false,
        member_edits_profile: true,
        profile_edit_min_role: ProfileEditors::Owner,
        member_list: MemberList::Full,
        member_list_partial_size: 300,
        owner_may_dismiss: false,
        apply_join_allowed: false,
        default_apply_option: ApplyJoinOption::DisableApply,
        member_invite: MemberInvite::Direct,
        rest_add_member: true,
        create_with_members: true,
        has_invite_option: true,
        default_invite_option: InviteJoinOption::FreeAccess,
        guests_allowed: false,
        ban_supported: true,
        owner_sets_admins: false,
        owner_may_quit: true,
        transferable: true,
        kick: KickRule::OwnerAndAdmins,
        mute_supported: false,
        mute_survives_rejoin: true,
        mute_all_supported: true,
        kick_offline: OfflineSweep::Off,
        count_online: OnlineCount::Off,
        max_members: 200,
        max_groups: 0,
        send_policy: SendPolicy::Members,
        unread_count: true,
        history_before_join: false,
        history_before_join_count: 0,
        member_change_notice: MemberChangeNotice::Visible,
        profile_notice: true,
        member_profile_notice: true,
        settings_notice: false,
        activate_on_first_msg: true,
        default_msg_flag: MsgFlag::AcceptAndNotify,
        read_receipts: true,
        directed_msgs: true,
        msg_extension: true,
        msg_reactions: true,
        edit_supported: true,
        recall_supported: true,
        delete_supported: true,
        clear_supported: true,
        pins_supported: true,
        at_all: true,
        msg_rate_per_sec: 40,
        silent_drop: true,
        import_allowed: true,
        recycle_seconds: 0,
        group_attr: true,
        group_counter: true,
        member_custom_fields: true,
    };

    /// Joined on approval, led by owner and admins.
    pub const PUBLIC: GroupPolicy = GroupPolicy {
        searchable_by_id: true,
        has_admins: true,
        member_edits_profile: false,
        profile_edit_min_role: ProfileEditors::Admin,
        owner_may_dismiss: true,
        apply_join_allowed: true,
        default_apply_option: ApplyJoinOption::NeedPermission,
        member_invite: MemberInvite::Nobody,
        default_invite_option: InviteJoinOption::DisableInvite,
        owner_sets_admins: true,
        owner_may_quit: false,
        mute_supported: true,
        max_members: 2000,
        activate_on_first_msg: false,
        ..Self::WORK
    };

    /// Free to enter and leave; history from the first day, no unread counts, quiet about who comes and goes.
    pub const MEETING: GroupPolicy = GroupPolicy {
        profile_edit_min_role: ProfileEditors::Owner,
        default_apply_option: ApplyJoinOption::FreeAccess,
        max_members: 6000,
        unread_count: false,
        history_before_join: true,
        member_change_notice: MemberChangeNotice::None,
        member_profile_notice: false,
        default_msg_flag: MsgFlag::AcceptNotNotify,
        ..Self::PUBLIC
    };

    /// Very large, free to join, members bring others, optionally divided into topics.
    pub const COMMUNITY: GroupPolicy = GroupPolicy {
        topics: true,
        permission_groups: true,
        history_option: false,
        online_list: true,
        profile_edit_min_role: ProfileEditors::Owner,
        default_apply_option: ApplyJoinOption::FreeAccess,
        member_invite: MemberInvite::Direct,
        default_invite_option: InviteJoinOption::FreeAccess,
        ban_supported: false,
        kick_offline: OfflineSweep::Unsupported,
        count_online: OnlineCount::Unsupported,
        max_members: 100_000,
        history_before_join: true,
        read_receipts: false,
        directed_msgs: false,
        clear_supported: false,
        at_all: false,
        group_counter: false,
        ..Self::PUBLIC
    };

    /// A live room: no stored members, no stored messages, no cap.
    pub const AV_CHAT_ROOM: GroupPolicy = GroupPolicy {
        members_stored: false,
        history_stored: false,
        tips: Tips::Transient,
        owner_is_member_at_creation: false,
        conversation_entry: false,
        own_member_cap: false,
        history_option: false,
        online_only_msgs: false,
        send_control: false,
        notice_to_named_members: false,
        broadcasts: true,
        live_admins: true,
        live_robots: true,
        member_marks: true,
        online_count: true,
        online_list: true,
        live_recall: true,
        member_list: MemberList::Online,
        rest_add_member: false,
        create_with_members: false,
        has_invite_option: false,
        guests_allowed: true,
        owner_sets_admins: false,
        transferable: false,
        kick: KickRule::Nobody,
        kick_offline: OfflineSweep::Unsupported,
        count_online: OnlineCount::Live,
        max_members: 0,
        history_before_join: false,
        member_change_notice: MemberChangeNotice::Visible,
        read_receipts: false,
        directed_msgs: false,
        msg_extension: false,
        msg_reactions: false,
        edit_supported: false,
        recall_supported: false,
        delete_supported: false,
        pins_supported: false,
        import_allowed: false,
        member_custom_fields: false,
        ..Self::MEETING
    };

    /// Reaches everybody who is online: nobody owns it, nobody is in it, only app admins speak.
    pub const BROADCAST: GroupPolicy = GroupPolicy {
        has_owner: false,
        reaches_everyone_online: true,
        client_may_create: false,
        broadcasts: false,
        live_admins: false,
        live_robots: false,
        member_marks: false,
        online_count: false,
        online_list: false,
        live_recall: false,
        searchable_by_id: false,
        has_admins: false,
        profile_edit_min_role: ProfileEditors::AppAdmin,
        member_list: MemberList::None,
        owner_may_dismiss: false,
        ban_supported: false,
        mute_supported: false,
        count_online: OnlineCount::Off,
        max_groups: 5,
        send_policy: SendPolicy::AppAdmins,
        member_change_notice: MemberChangeNotice::None,
        clear_supported: false,
        at_all: false,
        group_attr: false,
        group_counter: false,
        ..Self::AV_CHAT_ROOM
    };

    /// The row of a built-in type, before any setting of an app. `None` for an app's own type.
    #[must_use]
    pub fn built_in(group_type: &GroupType) -> Option<GroupPolicy> {
        match group_type {
            GroupType::Work => Some(Self::WORK),
            GroupType::Public => Some(Self::PUBLIC),
            GroupType::Meeting => Some(Self::MEETING),
            GroupType::AvChatRoom => Some(Self::AV_CHAT_ROOM),
            GroupType::Community => Some(Self::COMMUNITY),
            GroupType::Broadcast => Some(Self::BROADCAST),
            GroupType::Custom(_) => None,
        }
    }

    /// What holds for groups of the type in an app: the built-in row, then the app's limits and rates, then its settings
    /// for the type; an app's own type takes all that from its reference type and then its own changes.
    /// `None` if the app has no such type.
    #[must_use]
    pub fn for_app(settings: &AppSettings, group_type: &GroupType) -> Option<GroupPolicy> {
        let (row, _) = Self::row(settings, group_type)?;
        let mut policy = row;
        for (_, layer) in Self::layers(settings, group_type, &row) {
            layer.apply(&mut policy);
        }
        Some(policy)
    }

    /// Every cell of [`GroupPolicy::for_app`] with its value and origin, in the order of the table.
    #[must_use]
    pub fn explain(settings: &AppSettings, group_type: &GroupType) -> Option<Vec<Explained>> {
        let (row, source) = Self::row(settings, group_type)?;
        let layers: Vec<(Source, PolicyOverride)> =
            Self::layers(settings, group_type, &row).map(|(source, layer)| (source, layer.into_owned())).collect();
        let mut policy = row;
        for (_, layer) in &layers {
            layer.apply(&mut policy);
        }
        Some(policy.explained(&source, &layers))
    }

    fn row(settings: &AppSettings, group_type: &GroupType) -> Option<(GroupPolicy, Source)> {
        match group_type {
            GroupType::Custom(name) => {
                let custom = settings.custom_types.get(&**name)?;
                Some((Self::built_in(&custom.reference)?, Source::Reference))
            }
            _ => Some((Self::built_in(group_type)?, Source::BuiltIn)),
        }
    }

    fn layers<'a>(
        settings: &'a AppSettings,
        group_type: &'a GroupType,
        row: &GroupPolicy,
    ) -> impl Iterator<Item = (Source, Cow<'a, PolicyOverride>)> {
        let custom = match group_type {
            GroupType::Custom(name) => settings.custom_types.get(&**name),
            _ => None,
        };
        let (base, base_source) = match custom {
            Some(custom) => (&custom.reference, Source::Reference),
            None => (group_type, Source::AppSetting),
        };
        let limits = Some((Source::Limits, Cow::Owned(Self::from_limits(settings, base, row))));
        let of_base = settings.group_types.get(base.as_str()).map(|layer| (base_source, complete(layer)));
        let own = custom.map(|custom| (Source::AppSetting, complete(&custom.overrides)));
        [limits, of_base, own].into_iter().flatten()
    }

    /// The columns that the app's limits, rates and live-room settings decide.
    fn from_limits(settings: &AppSettings, built_in: &GroupType, row: &GroupPolicy) -> PolicyOverride {
        let limits = settings.limits();
        let live = *built_in == GroupType::AvChatRoom;
        let changed = |value: u32, row: u32| (value != row).then_some(value);
        PolicyOverride {
            max_members: limits.max_members.of(built_in).and_then(|cap| changed(cap, row.max_members)),
            max_groups: live.then_some(limits.group.max_avchatrooms).and_then(|cap| changed(cap, row.max_groups)),
            msg_rate_per_sec: changed(settings.rates.group_messages_per_second, row.msg_rate_per_sec),
            history_before_join_count: live
                .then_some(settings.live.newcomer_messages)
                .and_then(|count| changed(count, row.history_before_join_count)),
            ..PolicyOverride::default()
        }
    }
}

/// An app that lets members invite, or forbids it, without a word on the invite option means that option too:
/// the option is derived from the switch (docs/spec/group-types.md#2.2).
fn complete(layer: &PolicyOverride) -> Cow<'_, PolicyOverride> {
    match (layer.member_invite, layer.default_invite_option) {
        (Some(invite), None) => Cow::Owned(PolicyOverride {
            default_invite_option: Some(match invite {
                MemberInvite::Nobody => InviteJoinOption::DisableInvite,
                MemberInvite::Direct | MemberInvite::InviteeConsents => InviteJoinOption::FreeAccess,
            }),
            ..layer.clone()
        }),
        _ => Cow::Borrowed(layer),
    }
}

#[cfg(test)]
mod tests;
