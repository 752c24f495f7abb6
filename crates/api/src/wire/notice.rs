//! The item of a system notice (docs/spec/websocket-protocol.md#13).

use serde::Serialize;
use tsudoi_domain::{
    Timestamp, TopicId, UserId,
    notice::{Notice, NoticeKind},
};

use super::{
    faces::Faces,
    item::{GroupFace, GroupInfo, SYSTEM_ACCOUNT},
    msg_flag_name,
    tip::UserFace,
};

/// A system notice for one user.
#[derive(Debug, Serialize)]
pub struct NoticeItem<'a> {
    #[serde(rename = "From_Account")]
    from: &'static str,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(rename = "ToGroupId")]
    to_group: &'a str,
    #[serde(rename = "GroupInfo")]
    group: GroupInfo<'a>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "ClientSeq")]
    client_seq: u64,
    #[serde(rename = "MsgRandom")]
    random: u64,
    #[serde(rename = "MsgTimeStamp")]
    time: i64,
    #[serde(rename = "MsgBody")]
    body: NoticeBody<'a>,
}

#[derive(Debug, Default, Serialize)]
struct NoticeBody<'a> {
    #[serde(rename = "ReportType")]
    report_type: u32,
    #[serde(rename = "Operator_Account")]
    operator: &'a str,
    #[serde(rename = "Authentication", skip_serializing_if = "str::is_empty")]
    authentication: &'a str,
    #[serde(rename = "MsgKey", skip_serializing_if = "Option::is_none")]
    key: Option<i64>,
    #[serde(rename = "RemarkInfo", skip_serializing_if = "str::is_empty")]
    remark: &'a str,
    #[serde(rename = "UserDefinedField", skip_serializing_if = "str::is_empty")]
    user_defined: &'a str,
    #[serde(rename = "MsgFlag", skip_serializing_if = "str::is_empty")]
    flag: &'a str,
    #[serde(rename = "TopicIdArray", skip_serializing_if = "Option::is_none")]
    topics: Option<&'a [TopicId]>,
    #[serde(rename = "BanDuration", skip_serializing_if = "Option::is_none")]
    ban_secs: Option<u32>,
    #[serde(rename = "BanDescription", skip_serializing_if = "str::is_empty")]
    ban_description: &'a str,
    #[serde(rename = "MsgMemberExtraInfo", skip_serializing_if = "Option::is_none")]
    operator_face: Option<UserFace<'a>>,
}

impl<'a> NoticeItem<'a> {
    /// A notice for a user; nobody in particular when it goes to everybody of a group.
    #[must_use]
    pub fn of(
        notice: &'a Notice,
        to: Option<&'a UserId>,
        time: Timestamp,
        group: &'a GroupFace,
        faces: &'a Faces,
    ) -> Self {
        let body = NoticeBody {
            operator: notice.by.as_str(),
            operator_face: Some(UserFace::of(&notice.by, faces)),
            ..body(&notice.kind)
        };
        Self {
            from: SYSTEM_ACCOUNT,
            to: to.map(UserId::as_str),
            to_group: &group.id,
            group: GroupInfo::plain(group, to),
            seq: notice.id >> 32,
            client_seq: notice.id >> 32,
            random: notice.id & u64::from(u32::MAX),
            time: time.0,
            body,
        }
    }
}

fn body(kind: &NoticeKind) -> NoticeBody<'_> {
    let plain = |report_type| NoticeBody { report_type, ..NoticeBody::default() };
    match kind {
        NoticeKind::Applied { authentication, key, message } => {
            NoticeBody { authentication, key: Some(*key), remark: message, ..plain(1) }
        }
        NoticeKind::Approved { message } => NoticeBody { remark: message, ..plain(2) },
        NoticeKind::Refused { message } => NoticeBody { remark: message, ..plain(3) },
        NoticeKind::Kicked { reason } => NoticeBody { remark: reason, ..plain(4) },
        NoticeKind::Dismissed => plain(5),
        NoticeKind::Created => plain(6),
        NoticeKind::Invited => plain(7),
        NoticeKind::Quit => plain(8),
        NoticeKind::AdminGranted => plain(9),
        NoticeKind::AdminRevoked => plain(10),
        NoticeKind::Recycled => plain(11),
        NoticeKind::InviteRequest { authentication, key } => {
            NoticeBody { authentication, key: Some(*key), ..plain(12) }
        }
        NoticeKind::InviteAccepted => plain(13),
        NoticeKind::InviteRefused => plain(14),
        NoticeKind::TopicCreated => plain(17),
        NoticeKind::TopicsDeleted { topics } => NoticeBody { topics: Some(topics), ..plain(18) },
        NoticeKind::ReceiveOptionChanged { flag } => NoticeBody { flag: msg_flag_name(*flag), ..plain(20) },
        NoticeKind::Banned { duration_secs, description } => NoticeBody {
            ban_secs: Some(*duration_secs),
            ban_description: description,
            remark: description,
            ..plain(21)
        },
        NoticeKind::Custom { text } => NoticeBody { user_defined: text, ..plain(255) },
    }
}
