//! Changes what a group knows of a member.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{
    Denied, GroupId, Role, Scene, TopicId, UserId,
    group::MsgFlag,
    member::{
        mute::{self, Mute},
        profile::{self, MemberChanges},
    },
};

use super::{membership, with_roles};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    filter::Place,
    screening::{self, Contact, Subject},
    webhook,
    wire::sent_field::SentField,
};

/// Changes role, receive option, name card, custom fields or mute of one member: all that is asked, or nothing. REST: any
/// member; gateway: oneself, and others as far as role and field levels reach.
/// Units: `ShutUpTime` (newer: `MuteTime`) in seconds, 0 lifts, 4294967295 means for good.
/// Limits: `limits.group.name_card_bytes`, `member_custom_value_bytes`.
/// Errors: `GroupNotFound`, `GroupNotAllowed` (role, type, level, not a member), `GroupBadParameter`, `CommunityOff`.
/// Spec: docs/spec/rest-groups.md#2.5, docs/spec/websocket-protocol.md#10
#[derive(Debug, Deserialize)]
pub struct ModifyMember {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "Member_Account")]
    user: UserId,
    #[serde(rename = "Role", default, deserialize_with = "decode::non_empty")]
    role: Option<RoleName>,
    #[serde(rename = "MsgFlag", default, deserialize_with = "decode::non_empty")]
    msg_flag: Option<FlagName>,
    #[serde(rename = "NameCard")]
    name_card: Option<String>,
    #[serde(rename = "AppMemberDefinedData", default)]
    custom: Vec<SentField>,
    #[serde(rename = "MuteTime")]
    mute_secs: Option<u32>,
    #[serde(rename = "ShutUpTime")]
    shut_up_secs: Option<u32>,
}

/// A role as requests name it.
#[derive(Debug, Clone, Copy, Deserialize)]
enum RoleName {
    Admin,
    Member,
    Owner,
}

/// A receive option as requests name it.
#[derive(Debug, Clone, Copy, Deserialize)]
enum FlagName {
    AcceptAndNotify,
    AcceptNotNotify,
    Discard,
}

impl ModifyMember {
    fn changes(self) -> (GroupId, UserId, MemberChanges) {
        let changes = MemberChanges {
            role: self.role.map(|name| match name {
                RoleName::Owner => Role::Owner,
                RoleName::Admin => Role::Admin,
                RoleName::Member => Role::Member,
            }),
            msg_flag: self.msg_flag.map(|name| match name {
                FlagName::AcceptAndNotify => MsgFlag::AcceptAndNotify,
                FlagName::AcceptNotNotify => MsgFlag::AcceptNotNotify,
                FlagName::Discard => MsgFlag::Discard,
            }),
            name_card: self.name_card,
            custom: SentField::entries(self.custom),
            mute_secs: self.mute_secs.or(self.shut_up_secs),
            topic: self.topic,
        };
        (self.group, self.user, changes)
    }
}

impl Command for ModifyMember {
    const ROUTE: Route = Route::both("group_open_http_svc", "modify_group_member_info", "docs/spec/rest-groups.md#2.5");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let (group, user, mut changes) = self.changes();
        if changes == (MemberChanges { topic: changes.topic.clone(), ..MemberChanges::default() }) {
            return Err(Error::new(ErrorCode::GroupBadParameter, "nothing of the member is to be changed"));
        }
        if let Some(card) = &mut changes.name_card {
            let subject = Subject { from: &user, contact: Contact::Group(&group) };
            screening::text(app, caller, &subject, Place::MemberInfo, "NameCard", card).await?;
        }
        app.decide(|| async {
            let scene = app.scene(&group, caller, &caller.user).await?;
            let scene = match &changes.topic {
                Some(topic) => app.in_topic(scene, topic).await?,
                None => scene,
            };
            let dice = || app.dice().u64();
            if !scene.policy.members_stored {
                return Ok(((), in_live_room(app, caller, &scene, &user, &changes, &dice).await?));
            }
            let target = membership(app, &scene, &user).await?;
            let target = target.ok_or_else(|| Denied::NotMember { user: user.clone(), group: group.clone() })?;
            let change = profile::modify(&scene, &app.settings(), &target, &changes, &dice)?;
            let change = webhook::group::member_changed(app, caller, &scene.group, &caller.user, &target, change);
            Ok(((), change))
        })
        .await?;
        Ok(Done {})
    }
}

/// Of people in a live room nothing is stored but their mutes. Clients mute anybody this way; of backends the documents ask to use
/// `forbid_send_msg` for ordinary people.
async fn in_live_room(
    app: &App,
    caller: &Caller,
    scene: &Scene,
    user: &UserId,
    changes: &MemberChanges,
    dice: &(dyn Fn() -> u64 + Sync),
) -> Result<tsudoi_domain::change::Change, Error> {
    let no_profiles = || {
        let group_type = scene.group.group_type.clone();
        Error::from(Denied::TypeLacks { group_type, what: "profiles of ordinary members" })
    };
    let only_mute = MemberChanges { mute_secs: changes.mute_secs, ..MemberChanges::default() };
    match changes.mute_secs {
        Some(seconds) if *changes == only_mute => {
            let targets = with_roles(app, scene, std::slice::from_ref(user)).await?;
            if caller.is_app_admin() && targets.iter().any(|(_, role)| *role < Role::Admin) {
                return Err(no_profiles());
            }
            Ok(mute::mute(scene, &Mute { targets: &targets, topic: None, seconds }, dice)?)
        }
        Some(_) | None => Err(no_profiles()),
    }
}
