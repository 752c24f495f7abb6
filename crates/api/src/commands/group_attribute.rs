//! Attributes: what apps keep in a group for everybody in it to see. Spec: docs/spec/rest-groups.md#5

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId, UserId, WebhookCommand,
    group::attribute::{self, Attribute, AttributeUpdate, AttributeWish},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Door, Route},
    error::Error,
    error_code::ErrorCode,
    webhook::Line,
};

pub(crate) fn all() -> Vec<Entry> {
    list![
        GetAttributes as [
            ("group_open_http_svc", "get_group_attr"),
            ("million_group_open_http_svc", "get_group_attr"),
        ],
        ModifyAttributes,
        ReplaceAttributes,
        DeleteAttributes,
        ClearAttributes,
    ]
}

/// Tells the attributes of a group. REST and gateway, where members may. Also under `group_open_http_svc`.
/// Errors: `GroupNotFound`, `GroupNotAllowed`. Spec: docs/spec/rest-groups.md#5.1, docs/spec/websocket-protocol.md#15
#[derive(Debug, Deserialize)]
pub struct GetAttributes {
    #[serde(rename = "GroupId")]
    group: GroupId,
}

/// The attributes of a group.
#[derive(Debug, Serialize)]
pub struct Attributes {
    /// The number of the newest write; only clients compare it.
    #[serde(rename = "AttrMainSeq", skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(rename = "GroupAttrAry")]
    entries: Vec<Item>,
}

/// An attribute. Vendor: backends and clients are told it in different spellings.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Item {
    ForBackend { key: String, value: String },
    ForClient(ClientItem),
}

#[derive(Debug, Serialize)]
struct ClientItem {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value")]
    value: String,
    seq: u64,
}

impl Command for GetAttributes {
    const ROUTE: Route = Route::both("group_open_attr_http_svc", "get_group_attr", "docs/spec/rest-groups.md#5.1");
    type Reply = Attributes;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Attributes, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        attribute::may_read(&scene)?;
        let loaded = app.store().read().attributes(app.id(), &self.group).await?;
        let item = |(key, Attribute { value, seq })| match caller.door {
            Door::Rest => Item::ForBackend { key, value },
            Door::Socket(_) => Item::ForClient(ClientItem { key, value, seq }),
        };
        Ok(Attributes {
            seq: caller.session().map(|_| loaded.seq),
            entries: loaded.entries.into_iter().map(item).collect(),
        })
    }
}

/// What a write answers: nothing to backends; to clients the number of the write, and of each entry.
#[derive(Debug, Default, Serialize)]
pub struct Written {
    #[serde(rename = "AttrMainSeq", skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(rename = "GroupAttrAry", skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<WrittenItem>>,
}

#[derive(Debug, Serialize)]
struct WrittenItem {
    #[serde(rename = "Key")]
    key: String,
    seq: u64,
}

impl Written {
    fn told_to(caller: &Caller, seq: u64, update: AttributeUpdate) -> Self {
        if caller.session().is_none() {
            return Self::default();
        }
        let entries = match update {
            AttributeUpdate::Replaced(entries) | AttributeUpdate::Modified(entries) => {
                entries.into_iter().map(|(key, attribute)| WrittenItem { key, seq: attribute.seq }).collect()
            }
            AttributeUpdate::Cleared => Vec::new(),
            AttributeUpdate::Deleted(keys) => keys.into_iter().map(|key| WrittenItem { key, seq: 0 }).collect(),
        };
        Self { seq: Some(seq), entries: Some(entries) }
    }
}

/// What a writer asks for; words that are not known are passed over.
#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Control {
    /// To be refused when the number of the newest write is not the one they name.
    RaceConflict,
    #[serde(other)]
    Unknown,
}

fn compared(base: u64, control: &[Control]) -> Option<u64> {
    control.contains(&Control::RaceConflict).then_some(base)
}

/// What the app's backend is told (docs/spec/webhooks.md#8.12).
#[derive(Debug, Serialize)]
struct Changed<'a> {
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
    #[serde(rename = "Type")]
    type_name: String,
    #[serde(rename = "Operator_Account")]
    by: &'a UserId,
    #[serde(rename = "OptionType")]
    kind: &'static str,
    #[serde(rename = "GroupAttr")]
    entries: Vec<ChangedItem<'a>>,
}

#[derive(Debug, Serialize)]
struct ChangedItem<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> Changed<'a> {
    fn of(group: &'a GroupId, type_name: String, by: &'a UserId, update: &'a AttributeUpdate) -> Self {
        let listed = |entries: &'a BTreeMap<String, Attribute>| {
            entries.iter().map(|(key, one)| ChangedItem { key, value: &one.value }).collect()
        };
        let (kind, entries) = match update {
            AttributeUpdate::Replaced(entries) => ("set", listed(entries)),
            AttributeUpdate::Modified(entries) => ("modify", listed(entries)),
            AttributeUpdate::Cleared => ("clear", Vec::new()),
            AttributeUpdate::Deleted(keys) => {
                ("delete", keys.iter().map(|key| ChangedItem { key, value: "" }).collect())
            }
        };
        Self { group, type_name, by, kind, entries }
    }
}

/// Stores a wish, at most so often per second and group. What the rules refuse does not count.
async fn write(
    app: &Arc<App>,
    caller: &Caller,
    group: &GroupId,
    wish: &AttributeWish,
    base: Option<u64>,
) -> Result<Written, Error> {
    let sent_on = caller.session().map(|session| session.id().0);
    let decide = || async {
        let scene = app.scene(group, caller, &caller.user).await?;
        let loaded = app.store().read().attributes(app.id(), group).await?;
        Ok::<_, Error>(attribute::write(&scene, &app.settings(), &loaded, wish, base, sent_on)?)
    };
    decide().await?;
    let type_name = app.type_name(&*app.group(group).await?);
    let rate = app.settings().rates.attr_writes_per_second;
    if !app.attribute_rates.admit(group, app.shared().now(), rate) {
        let text = format!("the attributes of a group are written at most {rate} times a second");
        return Err(Error::new(ErrorCode::GroupAttributeTooFrequent, text));
    }
    let told = || async {
        let (answer, change) = decide().await?;
        let call = app.webhooks().tell(WebhookCommand::AfterGroupAttrChanged, Line::Group(group), caller, || {
            Changed::of(group, type_name.clone(), &caller.user, &answer.1)
        });
        Ok((answer, change.calls(call)))
    };
    let ((seq, update), _) = app.decide(told).await?;
    Ok(Written::told_to(caller, seq, update))
}

/// An attribute as requests carry it.
#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(alias = "Key")]
    key: String,
    #[serde(alias = "Value")]
    value: String,
}

fn entries(sent: Vec<Sent>) -> Result<BTreeMap<String, String>, Error> {
    if sent.is_empty() {
        return Err(nothing_named());
    }
    Ok(sent.into_iter().map(|Sent { key, value }| (key, value)).collect())
}

fn nothing_named() -> Error {
    Error::new(ErrorCode::GroupBadParameter, "`GroupAttr` names no attribute")
}

/// Changes attributes, others stay. REST and gateway, where members may (`Action::WriteAttributes`). All or nothing.
/// With `AttrControl` `RaceConflict` only when `AttrMainSeq` is the number of the newest write.
/// Limits: `limits.group.attr_*`, `rates.attr_writes_per_second`. Errors: `GroupNotFound`, `GroupNotAllowed`,
/// `GroupBadParameter`, `GroupAttributeKeyTooLong`, `GroupAttributeValueTooLong`, `GroupAttributeTooManyKeys`,
/// `GroupAttributesTooLong`, `GroupAttributeTooFrequent`, `GroupAttributeConflict`.
/// Spec: docs/spec/rest-groups.md#5.2, docs/spec/websocket-protocol.md#15
pub type ModifyAttributes = PutAttributes<false>;

/// Replaces all attributes. As [`ModifyAttributes`] otherwise.
/// Errors: as there. Spec: docs/spec/rest-groups.md#5.3, docs/spec/websocket-protocol.md#15
pub type ReplaceAttributes = PutAttributes<true>;

/// Attributes that are to be there, beside the others or in their place.
#[derive(Debug, Deserialize)]
pub struct PutAttributes<const REPLACE: bool> {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "GroupAttr")]
    sent: Vec<Sent>,
    #[serde(rename = "AttrMainSeq", default)]
    base: u64,
    #[serde(rename = "AttrControl", default)]
    control: Vec<Control>,
}

impl<const REPLACE: bool> PutAttributes<REPLACE> {
    async fn write(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        let base = compared(self.base, &self.control);
        let wish = if REPLACE { AttributeWish::Replace } else { AttributeWish::Modify };
        write(app, caller, &self.group, &wish(entries(self.sent)?), base).await
    }
}

impl Command for PutAttributes<false> {
    const ROUTE: Route = Route::both("group_open_http_svc", "modify_group_attr", "docs/spec/rest-groups.md#5.2");
    type Reply = Written;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        self.write(caller, app).await
    }
}

impl Command for PutAttributes<true> {
    const ROUTE: Route = Route::both("group_open_http_svc", "set_group_attr", "docs/spec/rest-groups.md#5.3");
    type Reply = Written;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        self.write(caller, app).await
    }
}

/// Deletes attributes; when one of them does not exist, none. As [`ModifyAttributes`] otherwise.
/// Errors: as there, and `GroupAttributeNotFound`.
/// Spec: docs/spec/rest-groups.md#5.4, docs/spec/websocket-protocol.md#15
#[derive(Debug, Deserialize)]
pub struct DeleteAttributes {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "GroupAttr")]
    sent: Vec<Named>,
    #[serde(rename = "AttrMainSeq", default)]
    base: u64,
    #[serde(rename = "AttrControl", default)]
    control: Vec<Control>,
}

/// An attribute to delete.
#[derive(Debug, Deserialize)]
struct Named {
    #[serde(alias = "Key")]
    key: String,
}

impl Command for DeleteAttributes {
    const ROUTE: Route = Route::both("group_open_http_svc", "delete_group_attr", "docs/spec/rest-groups.md#5.4");
    type Reply = Written;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        let keys: BTreeSet<_> = self.sent.into_iter().map(|named| named.key).collect();
        if keys.is_empty() {
            return Err(nothing_named());
        }
        let base = compared(self.base, &self.control);
        write(app, caller, &self.group, &AttributeWish::Delete(keys), base).await
    }
}

/// Deletes all attributes, also of a group that has none. As [`ModifyAttributes`] otherwise.
/// Errors: as there. Spec: docs/spec/rest-groups.md#5.5, docs/spec/websocket-protocol.md#15
#[derive(Debug, Deserialize)]
pub struct ClearAttributes {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "AttrMainSeq", default)]
    base: u64,
    #[serde(rename = "AttrControl", default)]
    control: Vec<Control>,
}

impl Command for ClearAttributes {
    const ROUTE: Route = Route::both("group_open_http_svc", "clear_group_attr", "docs/spec/rest-groups.md#5.5");
    type Reply = Written;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        let base = compared(self.base, &self.control);
        write(app, caller, &self.group, &AttributeWish::Clear, base).await
    }
}
