//! Tells a user's other devices what happened to the list of conversations (docs/spec/websocket-protocol.md#17).

use serde_json::{Value, json};
use tsudoi_domain::{
    UserId,
    conversation::care::{Contact, News},
};
use tsudoi_realtime::{Importance, SessionId};

use super::{number, push, push_entry};
use crate::{app::App, wire::contact};

/// A conversation as these pushes name it.
fn named(contact: &Contact) -> Value {
    match contact {
        Contact::User(user) => json!({ "Type": 1, "User_Account": user }),
        Contact::Group(group) => json!({ "Type": 2, "GroupId": group }),
    }
}

fn list(contacts: &[Contact]) -> Vec<Value> {
    contacts.iter().map(named).collect()
}

pub(super) fn changed(app: &App, user: &UserId, session: Option<u64>, news: &News) {
    let folder =
        |folder: &tsudoi_domain::conversation::care::Folder| json!({ "GroupId": folder.id, "GroupName": folder.name });
    let recent = match news {
        News::Deleted(contacts) => {
            json!({ "PushType": 1, "RecentContactDeleteItem": { "RecentContactList": list(contacts) } })
        }
        News::Pinned { contacts, pinned } => json!({
            "PushType": if *pinned { 2 } else { 3 },
            "RecentContactTopItem": { "RecentContactList": list(contacts) },
        }),
        News::Marked(marked) => {
            let items: Vec<_> = marked
                .iter()
                .map(|one| {
                    let kind = match (&one.marks, &one.custom) {
                        (Some(_), Some(_)) => 3,
                        (None, Some(_)) => 2,
                        (_, None) => 1,
                    };
                    json!({
                        "RecentContactItem": named(&one.contact),
                        "OptType": kind,
                        "StandardMark": one.marks.map(contact::all_marks),
                        "CustomMark": one.custom,
                    })
                })
                .collect();
            json!({ "PushType": 4, "RecentContactMarkContact": { "RecentContactMarkContactItem": items } })
        }
        News::FolderCreated { folder: of, contacts } => json!({
            "PushType": 5,
            "RecentContactCreateContactGroup": {
                "MsgContactGroupContactItem": [{ "MsgGroupItem": folder(of), "MsgRecentContactItem": list(contacts) }],
            },
        }),
        News::FolderDeleted(of) => {
            json!({ "PushType": 6, "RecentContactDelContactGroup": { "MsgGroupItem": [folder(of)] } })
        }
        News::FolderRenamed { folder, before } => json!({
            "PushType": 7,
            "RecentContactUpdateContactGroup": {
                "UpdateType": 1,
                "MsgUpdateGroup": {
                    "UpdateGroupType": 1, "GroupId": folder.id, "GroupName": folder.name, "OldGroupName": before,
                },
            },
        }),
        News::FolderChanged { folder, contacts } => {
            let items: Vec<_> = contacts
                .iter()
                .map(|(contact, comes)| {
                    json!({ "ContactOptType": if *comes { 1 } else { 2 }, "RecentContactItem": named(contact) })
                })
                .collect();
            json!({
                "PushType": 7,
                "RecentContactUpdateContactGroup": {
                    "UpdateType": 1,
                    "MsgUpdateGroup": {
                        "UpdateGroupType": 2, "GroupId": folder.id, "GroupName": folder.name,
                        "OldGroupName": folder.name, "RecentContactUpdateGroupItem": items,
                    },
                },
            })
        }
        News::ReceiveOption { peer, option } => {
            let payload = json!([{
                "MuteNotificationsSync": { "To_Account": peer, "MuteNotifications": contact::option_number(*option) },
            }]);
            let pushed = push(number::DIRECT_NOTIFY, "C2cNotifyMsgArray", &payload, Importance::Needed);
            return app.hub().send_user(app.id(), user, &pushed, session.map(SessionId));
        }
        News::DoNotDisturb(times) => {
            let entry = json!({
                "Event": number::DO_NOT_DISTURB,
                "Level": contact::option_number(times.level),
                "StartTime": times.from,
                "EndTime": times.until,
                "IsRepeated": u32::from(times.repeated),
            });
            let pushed = push_entry(&entry, Importance::Needed);
            return app.hub().send_user(app.id(), user, &pushed, session.map(SessionId));
        }
    };
    let pushed = push(number::CONTACTS, "RecentContactMod", &[recent], Importance::Needed);
    app.hub().send_user(app.id(), user, &pushed, session.map(SessionId));
}
