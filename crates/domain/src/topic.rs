//! Topics: the sub-spaces of a community, each with messages, read positions and mutes of its own.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Denied, GroupId, Scene, TopicId,
    change::{Change, Event, Expect, Write},
    group::{MsgFlag, modify::check_text},
    message::{GroupChanges, Tip},
    notice::{Notice, NoticeKind},
    permission::Action,
    settings::AppSettings,
    time::{MuteUntil, Timestamp},
};

/// A topic of a community (docs/spec/group-types.md#72-topics).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Unique in the app.
    pub id: TopicId,
    /// The community.
    pub group: GroupId,
    /// Topic name.
    pub name: String,
    /// Introduction.
    pub introduction: String,
    /// Announcement.
    pub notification: String,
    /// Avatar address.
    pub face_url: String,
    /// The app's own text.
    pub custom_string: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Only owner, admins and app admins may speak.
    pub mute_all: bool,
    /// Rights of every member while permission groups are enabled, a mask of docs/spec/group-types.md#73.
    pub permission: u64,
}

impl Topic {
    /// A topic with a name and nothing else.
    #[must_use]
    pub fn new(id: TopicId, group: GroupId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            group,
            name,
            introduction: String::new(),
            notification: String::new(),
            face_url: String::new(),
            custom_string: String::new(),
            created_at: now,
            mute_all: false,
            permission: 0,
        }
    }
}

/// A topic as one member of the community has it. Every member takes part in every topic; nothing is written before they
/// read or choose something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicMember {
    /// The number that the topic stood at when they joined the community.
    pub joined_seq: u64,
    /// Messages up to this number are read. Who never read there has read what was said before they joined.
    pub read_seq: u64,
    /// Messages up to this number are hidden: the member cleared the history.
    pub cleared_seq: u64,
    /// What to do with the topic's messages; absent: as in the community.
    pub msg_flag: Option<MsgFlag>,
    /// Until when they may not speak in the topic.
    pub mute_until: MuteUntil,
}

/// Lets pass a community that holds topics.
///
/// # Errors
/// [`Denied::TypeLacks`] for other types; [`Denied::TopicsOff`] where the app or the community has none.
pub fn held_by(scene: &Scene, settings: &AppSettings) -> Result<(), Denied> {
    let group = &scene.group;
    if !scene.policy.topics {
        return Err(Denied::TypeLacks { group_type: group.group_type.clone(), what: "topics" });
    }
    if !group.support_topic || !settings.features.topic || !settings.features.community {
        return Err(Denied::TopicsOff(group.id.clone()));
    }
    Ok(())
}

/// Creates a topic; `imported` ones come in silence. `random` marks the notice.
///
/// # Errors
/// What the community, the caller's role or rights, or the app's limits forbid.
pub fn create(
    scene: &Scene,
    topic: Topic,
    settings: &AppSettings,
    imported: bool,
    random: u64,
) -> Result<Change, Denied> {
    held_by(scene, settings)?;
    scene.require(Action::ManageTopics, "create topics")?;
    check_texts(settings, [&topic.name, &topic.introduction, &topic.notification, &topic.face_url].map(Some))?;
    check_custom_string(settings, &topic.custom_string)?;
    if topic.created_at > scene.now {
        return Err(Denied::BadValue("`CreateTime` lies in the future".into()));
    }
    let group = &scene.group;
    let cap = settings.limits().topic.per_group.into();
    let about = Notice::about(group, scene.user.clone(), NoticeKind::TopicCreated, random);
    let notice = Notice { topic: Some(topic.id.clone()), ..about };
    let change = Change::none()
        .expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision })
        .expect(Expect::TopicAbsent(topic.id.clone()))
        .expect(Expect::TopicsBelow { group: group.id.clone(), cap })
        .write(Write::PutTopic(Box::new(topic)));
    Ok(if imported { change } else { change.event(Event::Notice { users: Vec::new(), notice: Arc::new(notice) }) })
}

/// What somebody wants changed of a topic; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicEdit {
    /// Topic name; not empty.
    pub name: Option<String>,
    /// Introduction.
    pub introduction: Option<String>,
    /// Announcement.
    pub notification: Option<String>,
    /// Avatar address.
    pub face_url: Option<String>,
    /// The app's own text.
    pub custom_string: Option<String>,
    /// Only owner, admins and app admins may speak.
    pub mute_all: Option<bool>,
    /// Rights of every member under permission groups.
    pub permission: Option<u64>,
}

/// Changes the topic of the scene; values that stay as they are change nothing.
///
/// # Errors
/// What the caller's role or rights, or the app's limits forbid.
pub fn modify(scene: &Scene, before: &Topic, edit: TopicEdit, settings: &AppSettings) -> Result<Change, Denied> {
    held_by(scene, settings)?;
    scene.require(Action::ManageTopics, "change topics")?;
    let texts = [&edit.name, &edit.introduction, &edit.notification, &edit.face_url];
    check_texts(settings, texts.map(Option::as_ref))?;
    check_custom_string(settings, edit.custom_string.as_deref().unwrap_or_default())?;
    let mut after = before.clone();
    let changes = GroupChanges {
        name: replace(&mut after.name, edit.name),
        introduction: replace(&mut after.introduction, edit.introduction),
        notification: replace(&mut after.notification, edit.notification),
        face_url: replace(&mut after.face_url, edit.face_url),
        custom_string: replace(&mut after.custom_string, edit.custom_string),
        mute_all: replace(&mut after.mute_all, edit.mute_all),
        ..GroupChanges::default()
    };
    _ = replace(&mut after.permission, edit.permission);
    if after == *before {
        return Ok(Change::none());
    }
    let group = &scene.group;
    let change = Change::none()
        .expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision })
        .write(Write::PutTopic(Box::new(after)));
    if changes.is_empty() {
        return Ok(change);
    }
    let tip = Tip::TopicChanged { by: scene.user.clone(), topic: before.id.clone(), changes };
    Ok(change.event(Event::Tip { group: group.id.clone(), tip }))
}

/// Ends topics with everything that belongs to them. `random` marks the notice.
#[must_use]
pub fn destroy(scene: &Scene, topics: Vec<TopicId>, random: u64) -> Change {
    let group = &scene.group;
    if topics.is_empty() {
        return Change::none();
    }
    let change = Change::none().expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision });
    let change = topics.iter().fold(change, |change, topic| change.write(Write::DeleteTopic(topic.clone())));
    let notice = Notice::about(group, scene.user.clone(), NoticeKind::TopicsDeleted { topics }, random);
    change.event(Event::Notice { users: Vec::new(), notice: Arc::new(notice) })
}

/// Name, introduction, announcement and avatar address.
fn check_texts(settings: &AppSettings, texts: [Option<&String>; 4]) -> Result<(), Denied> {
    for (field, text) in ["TopicName", "Introduction", "Notification", "FaceUrl"].into_iter().zip(texts) {
        if let Some(text) = text {
            check_text(settings, field, text)?;
        }
    }
    Ok(())
}

fn check_custom_string(settings: &AppSettings, text: &str) -> Result<(), Denied> {
    let most = settings.limits().topic.custom_string_bytes;
    if text.len() > most as usize {
        let bytes = text.len();
        return Err(Denied::BadValue(format!("`CustomString` has {bytes} bytes, at most {most} are allowed")));
    }
    Ok(())
}

/// Puts the wanted value in place; answers it when it is another than before.
fn replace<T: Clone + PartialEq>(place: &mut T, wanted: Option<T>) -> Option<T> {
    let wanted = wanted.filter(|wanted| wanted != place)?;
    place.clone_from(&wanted);
    Some(wanted)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role,
        example::scene_of,
        rights::{self, Rights},
    };

    fn town(role: Role) -> Scene {
        let mut scene = Scene { now: Timestamp(1000), ..scene_of(GroupPolicy::COMMUNITY, "ana", role) };
        let group = Arc::make_mut(&mut scene.group);
        group.id = GroupId::trusted("@TGS#_town");
        group.support_topic = true;
        scene
    }

    fn news() -> Topic {
        let (id, group) = (TopicId::trusted("@TGS#_town@TOPIC#_news"), GroupId::trusted("@TGS#_town"));
        Topic::new(id, group, "News".into(), Timestamp(900))
    }

    fn found(scene: &Scene, topic: Topic) -> Result<Change, Denied> {
        create(scene, topic, &AppSettings::default(), false, 7)
    }

    // Who creates, changes and ends topics: role, right of the community, right of the topic where rights decide.
    #[rstest]
    #[case::stranger(Role::NotMember, None, false, false)]
    #[case::member(Role::Member, None, false, false)]
    #[case::admin(Role::Admin, None, true, true)]
    #[case::owner(Role::Owner, None, true, true)]
    #[case::member_without_right(Role::Member, Some((!16, !1)), false, false)]
    #[case::admins_have_no_power_of_their_own(Role::Admin, Some((0, 0)), false, false)]
    #[case::right_over_all_topics(Role::Member, Some((16, 1)), true, true)]
    #[case::right_over_this_topic(Role::Member, Some((0, rights::topic::MANAGE)), false, true)]
    #[case::owners_need_none(Role::Owner, Some((0, 0)), true, true)]
    fn managers(#[case] role: Role, #[case] masks: Option<(u64, u64)>, #[case] creates: bool, #[case] changes: bool) {
        let mut scene = town(role);
        Arc::make_mut(&mut scene.group).permission_enabled = masks.is_some();
        scene.rights = masks.map(|(community, _)| Rights { community, topic: None });
        assert_eq!(found(&scene, news()).is_ok(), creates);
        scene.rights = masks.map(|(community, topic)| Rights { community, topic: Some(topic) });
        let edit = TopicEdit { name: Some("Old news".into()), ..TopicEdit::default() };
        assert_eq!(modify(&scene, &news(), edit, &AppSettings::default()).is_ok(), changes);
    }

    #[test]
    fn only_communities_that_hold_topics_have_some() {
        let mut scene = town(Role::Owner);
        Arc::make_mut(&mut scene.group).support_topic = false;
        assert!(matches!(found(&scene, news()), Err(Denied::TopicsOff(_))));
        let public = scene_of(GroupPolicy::PUBLIC, "ana", Role::Owner);
        assert!(matches!(found(&public, news()), Err(Denied::TypeLacks { .. })));
        let mut settings = AppSettings::default();
        settings.features.topic = false;
        let off = create(&town(Role::Owner), news(), &settings, false, 7);
        assert!(matches!(off, Err(Denied::TopicsOff(_))));
    }

    #[rstest]
    #[case::no_name(Topic { name: String::new(), ..news() }, "TopicName")]
    #[case::long_name(Topic { name: "x".repeat(31), ..news() }, "TopicName")]
    #[case::long_introduction(Topic { introduction: "x".repeat(241), ..news() }, "Introduction")]
    #[case::long_notification(Topic { notification: "x".repeat(301), ..news() }, "Notification")]
    #[case::long_address(Topic { face_url: "x".repeat(101), ..news() }, "FaceUrl")]
    #[case::long_text(Topic { custom_string: "x".repeat(3001), ..news() }, "CustomString")]
    #[case::to_come(Topic { created_at: Timestamp(1001), ..news() }, "CreateTime")]
    fn bad_values_are_named(#[case] topic: Topic, #[case] field: &str) {
        match found(&town(Role::Owner), topic) {
            Err(Denied::BadValue(text)) => assert!(text.contains(field), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn imported_topics_come_in_silence() {
        let scene = town(Role::Owner);
        let change = found(&scene, news()).expect("allowed");
        assert!(matches!(change.events.as_slice(), [Event::Notice { users, .. }] if users.is_empty()));
        let silent = create(&scene, news(), &AppSettings::default(), true, 7).expect("allowed");
        assert!(silent.events.is_empty() && silent.writes == change.writes);
    }

    #[test]
    fn a_change_tells_what_is_new_and_nothing_else() {
        let scene = town(Role::Admin);
        let edit = TopicEdit { name: Some("News".into()), mute_all: Some(true), ..TopicEdit::default() };
        let change = modify(&scene, &news(), edit, &AppSettings::default()).expect("allowed");
        let changes = GroupChanges { mute_all: Some(true), ..GroupChanges::default() };
        let tip = Tip::TopicChanged { by: scene.user.clone(), topic: news().id, changes };
        assert_eq!(change.events, [Event::Tip { group: scene.group.id.clone(), tip }]);
        let same = TopicEdit { name: Some("News".into()), ..TopicEdit::default() };
        assert!(modify(&scene, &news(), same, &AppSettings::default()).expect("allowed").is_empty());
        // Rights are nobody's news.
        let rights = TopicEdit { permission: Some(8), ..TopicEdit::default() };
        let silent = modify(&scene, &news(), rights, &AppSettings::default()).expect("allowed");
        assert!(silent.events.is_empty() && silent.writes.len() == 1);
    }

    #[test]
    fn topics_end_together() {
        let scene = town(Role::Owner);
        let art = TopicId::trusted("@TGS#_town@TOPIC#_art");
        let change = destroy(&scene, vec![news().id, art], 7);
        assert_eq!((change.writes.len(), change.events.len()), (2, 1));
        assert!(destroy(&scene, Vec::new(), 7).is_empty());
    }
}
