//! Changes a group, hands it over, ends it.

use std::sync::Arc;

use serde::Deserialize;
use tsudoi_domain::{
    Action, GroupId, Scene, UserId,
    change::Change,
    group::{
        ApplyJoinOption, InviteJoinOption, dissolve,
        modify::{self, Edit},
        transfer,
    },
};
use tsudoi_store::StoreError;

use super::create::accounts_exist;
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode,
    error::Error,
    filter::Place,
    screening::{self, Contact, Subject},
    webhook::{self, Origin},
};

/// Changes profile and settings of a group; absent fields stay. REST and gateway; needs `Action::EditProfile`,
/// `Action::EditSettings` or `Action::MuteAll`, custom fields their level.
/// Limits: `limits.group` (lengths). Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupBadParameter`,
/// `GroupMemberCapBeyondPlan`, `ContentTextRefused`. Spec: docs/spec/rest-groups.md#1.4
#[derive(Debug, Deserialize)]
pub struct ModifyGroup {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Introduction")]
    introduction: Option<String>,
    #[serde(rename = "Notification")]
    notification: Option<String>,
    #[serde(rename = "FaceUrl")]
    face_url: Option<String>,
    #[serde(rename = "MaxMemberNum", alias = "MaxMemberCount")]
    max_members: Option<u64>,
    #[serde(rename = "ApplyJoinOption", default, deserialize_with = "decode::named")]
    apply_option: Option<ApplyJoinOption>,
    #[serde(rename = "InviteJoinOption", default, deserialize_with = "decode::named")]
    invite_option: Option<InviteJoinOption>,
    #[serde(rename = "MuteAllMember", default, deserialize_with = "decode::on_off")]
    mute_all: Option<bool>,
    #[serde(rename = "ShutUpAllMember", default, deserialize_with = "decode::on_off")]
    shut_up_all: Option<bool>,
    #[serde(rename = "AppDefinedData", default, deserialize_with = "decode::custom_fields")]
    custom: Vec<(String, String)>,
    #[serde(rename = "EnablePermission")]
    permission_enabled: Option<u32>,
    #[serde(rename = "DefaultPermission")]
    default_permission: Option<u64>,
    #[serde(rename = "HistoryMsgBeforeJoin", default, deserialize_with = "decode::on_off")]
    history_before_join: Option<bool>,
}

impl Command for ModifyGroup {
    const ROUTE: Route = Route::both("group_open_http_svc", "modify_group_base_info", "docs/spec/rest-groups.md#1.4");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let user = caller.acting_for(self.from.as_ref());
        let mut edit = Edit {
            name: self.name,
            introduction: self.introduction,
            notification: self.notification,
            face_url: self.face_url,
            max_members: self.max_members,
            apply_option: self.apply_option,
            invite_option: self.invite_option,
            mute_all: self.mute_all.or(self.shut_up_all),
            custom: self.custom,
            permission_enabled: self.permission_enabled.map(|flag| flag != 0),
            default_permission: self.default_permission,
            history_before_join: self.history_before_join,
        };
        for (field, text) in [
            ("Name", &mut edit.name),
            ("Introduction", &mut edit.introduction),
            ("Notification", &mut edit.notification),
        ] {
            if let Some(text) = text {
                let subject = Subject { from: &user, contact: Contact::Group(&self.group) };
                screening::text(app, caller, &subject, Place::GroupInfo, field, text).await?;
            }
        }
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &user).await?;
            let change = modify::modify(&scene, &edit, &app.settings(), app.dice().u32())?;
            accounts_exist(app, std::iter::once(&user)).await?;
            Ok(((), webhook::group::info_changed(app, caller, &scene.group, &user, change)))
        })
        .await?;
        Ok(Done {})
    }
}

/// Makes another member the owner, also of a group that has none. REST and gateway; needs `Action::TransferOwner`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`. Spec: docs/spec/rest-groups.md#1.6
#[derive(Debug, Deserialize)]
pub struct ChangeGroupOwner {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "NewOwner_Account")]
    to: UserId,
    #[serde(rename = "From_Account", default, deserialize_with = "decode::non_empty")]
    from: Option<UserId>,
}

impl Command for ChangeGroupOwner {
    const ROUTE: Route = Route::both("group_open_http_svc", "change_group_owner", "docs/spec/rest-groups.md#1.6");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let user = caller.acting_for(self.from.as_ref());
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &user).await?;
            scene.require(Action::TransferOwner, "change the owner")?;
            accounts_exist(app, [&user, &self.to].into_iter()).await?;
            let heir = app.store().member(app.id(), &self.group, &self.to).await?;
            let owner = match &scene.group.owner {
                Some(owner) => app.store().member(app.id(), &self.group, owner).await?,
                None => None,
            };
            let random = app.dice().u32();
            let change = transfer::transfer(&scene, &self.to, heir.as_deref(), owner.as_deref(), random)?;
            Ok(((), webhook::group::owner_changed(app, caller, &scene.group, &user, change)))
        })
        .await?;
        Ok(Done {})
    }
}

/// Most members of a group who learn of its end when they are away. Of a larger group, those online learn it at once, the
/// others from their lists of groups.
const KEPT_NOTICES: u64 = 10_000;

/// Ends a group with everything that belongs to it. REST and gateway; needs `Action::Dismiss`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`. Spec: docs/spec/rest-groups.md#1.5
#[derive(Debug, Deserialize)]
pub struct DestroyGroup {
    #[serde(rename = "GroupId")]
    group: GroupId,
}

impl Command for DestroyGroup {
    const ROUTE: Route = Route::both("group_open_http_svc", "destroy_group", "docs/spec/rest-groups.md#1.5");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let (policy, _) = app
            .decide(|| async {
                let scene = app.scene(&self.group, caller, &caller.user).await?;
                let random = app.dice().u64();
                dissolve::dissolve(&scene, &[], random)?;
                let members = mourners(app, &scene).await?;
                let change = dissolve::dissolve(&scene, &members, random)?;
                Ok((scene.policy.clone(), ended(app, caller, &scene, &members, change)))
            })
            .await?;
        app.new_groups.count(app, &policy, -1).await?;
        Ok(Done {})
    }
}

/// Tells the app's backend that a group ended. Communities are too large for a list, and of live rooms there is none.
pub(crate) fn ended(app: &App, origin: impl Into<Origin>, scene: &Scene, members: &[UserId], change: Change) -> Change {
    let named = (scene.policy.members_stored && !scene.policy.topics).then_some(members);
    webhook::group::destroyed(app, origin, &scene.group, named, change)
}

/// The members who learn of the end of their group also when they are away.
pub(crate) async fn mourners(app: &App, scene: &Scene) -> Result<Vec<UserId>, StoreError> {
    if !scene.policy.members_stored || scene.group.member_num > KEPT_NOTICES {
        return Ok(Vec::new());
    }
    let group = &scene.group.id;
    let mut users = Vec::new();
    let mut after = 0;
    loop {
        let (page, next) = app.store().read().member_page(app.id(), group, &[], 0, after, 1000).await?;
        users.extend(page.iter().map(|member| member.user.clone()));
        if next == 0 {
            return Ok(users);
        }
        after = next;
    }
}
