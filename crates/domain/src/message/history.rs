//! Which stored messages a reader sees, and which of them a page holds.

use crate::{
    UserId,
    conversation::ConversationKey,
    denied::Denied,
    message::Message,
    permission::{Action, Role},
    scene::Scene,
    time::Timestamp,
    topic::TopicMember,
};

/// What one reader sees of the stored messages of a group or topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Who reads; `None` is an app admin, who sees everything.
    reader: Option<UserId>,
    /// The lowest number in sight, at least 1.
    first: u64,
    /// Nothing older than this is in sight.
    since: Timestamp,
}

impl Sight {
    /// What the scene's user sees there.
    ///
    /// Members do not see what an app admin or they themselves cleared, nor, unless the type or the group shows it, what was said before they
    /// joined (docs/spec/group-types.md#2.5, docs/spec/rest-groups.md#3.7). A group knows the number it stood at when a member
    /// joined, its topics only the moment.
    ///
    /// # Errors
    /// [`Denied::TypeWithoutHistory`] where nothing is stored; [`Denied::NotMember`] for strangers.
    pub fn of(scene: &Scene, conversation: &ConversationKey) -> Result<Self, Denied> {
        if !scene.policy.history_stored {
            return Err(Denied::TypeWithoutHistory(scene.group.group_type.clone()));
        }
        scene.require(Action::ReadHistory, "read messages")?;
        let Some(member) = scene.member.as_ref().filter(|_| !scene.app_admin) else {
            return Ok(Self { reader: None, first: 1, since: Timestamp(i64::MIN) });
        };
        let (cleared, joined_seq, joined_at) = match conversation {
            ConversationKey::Group(_) => {
                (scene.group.cleared_seq.max(member.cleared_seq), member.joined_seq, Timestamp(i64::MIN))
            }
            ConversationKey::Topic(_) | ConversationKey::Direct(..) => (0, 0, member.joined_at),
        };
        let (joined_seq, since) =
            if sees_before_join(scene) { (0, Timestamp(i64::MIN)) } else { (joined_seq, joined_at) };
        Ok(Self { reader: Some(scene.user.clone()), first: cleared.max(joined_seq) + 1, since })
    }

    /// The same for somebody of whom is known what they have in the topic: what they cleared, and the number at which they joined.
    #[must_use]
    pub fn of_member(self, scene: &Scene, own: &TopicMember) -> Self {
        if self.reader.is_none() {
            return self;
        }
        let joined_seq = if sees_before_join(scene) { 0 } else { own.joined_seq };
        Self { first: self.first.max(own.cleared_seq + 1).max(joined_seq + 1), since: Timestamp(i64::MIN), ..self }
    }

    /// The lowest number in sight, at least 1.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Whether the reader sees the message. Directed messages are for their targets and their sender only.
    #[must_use]
    pub fn shows(&self, message: &Message) -> bool {
        let Some(reader) = &self.reader else { return true };
        let targets = &message.draft.options.targets;
        message.seq >= self.first
            && message.draft.time >= self.since
            && (targets.is_empty() || targets.contains(reader) || message.draft.sender.user() == Some(reader))
    }
}

/// Whether newcomers see what was said before: by right where permission groups are in force; else as the group says where groups
/// of its type may, else as the type says.
fn sees_before_join(scene: &Scene) -> bool {
    if let Some(rights) = scene.rights {
        return rights.read_history() || scene.role() == Role::Owner;
    }
    let of_group = scene.group.history_before_join.filter(|_| scene.policy.history_option);
    of_group.unwrap_or(scene.policy.history_before_join)
}

/// A page of history: the numbers from `low` to `high`. Empty when `low` lies above `high`.
///
/// A page is a window of numbers, not a count of messages: clients that recover ask for numbers beyond the newest on purpose,
/// and take whatever lies below the window for new (docs/spec/websocket-protocol.md#11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The lowest number.
    pub low: u64,
    /// The highest.
    pub high: u64,
}

impl Window {
    /// The `count` numbers up to `top`, those below `first` left out; `top` 0 means up to the newest.
    #[must_use]
    pub fn up_to(top: u64, count: u64, newest: u64, first: u64) -> Self {
        let high = if top == 0 { newest } else { top };
        Self { low: high.saturating_sub(count.saturating_sub(1)).max(first).max(1), high }
    }

    /// The part that can hold messages.
    #[must_use]
    pub fn within(self, newest: u64) -> Self {
        Self { high: self.high.min(newest), ..self }
    }

    /// Whether no number lies in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// Where the next older page ends; 0 when there is none.
    #[must_use]
    pub fn older(self, newest: u64, first: u64) -> u64 {
        let next = (self.low - 1).min(newest);
        if next < first.max(1) { 0 } else { next }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role, TopicId,
        example::{scene_of, text_of},
        message::{Draft, MessageOptions},
    };

    fn scene(policy: GroupPolicy, own_setting: Option<bool>, cleared_seq: u64) -> Scene {
        let mut scene = scene_of(policy, "reader", Role::Member);
        let group = Arc::make_mut(&mut scene.group);
        group.history_before_join = own_setting;
        group.cleared_seq = cleared_seq;
        let member = Arc::make_mut(scene.member.as_mut().expect("a member"));
        member.joined_seq = 10;
        member.joined_at = Timestamp(5000);
        scene
    }

    fn line(scene: &Scene) -> ConversationKey {
        ConversationKey::Group(scene.group.id.clone())
    }

    // The first number a member sees who joined when ten messages were there.
    #[rstest]
    #[case::work(GroupPolicy::WORK, None, 0, 11)]
    #[case::public(GroupPolicy::PUBLIC, None, 0, 11)]
    #[case::meeting(GroupPolicy::MEETING, None, 0, 1)]
    #[case::community(GroupPolicy::COMMUNITY, None, 0, 1)]
    #[case::public_that_shows(GroupPolicy::PUBLIC, Some(true), 0, 1)]
    #[case::meeting_that_hides(GroupPolicy::MEETING, Some(false), 0, 11)]
    #[case::communities_have_no_such_setting(GroupPolicy::COMMUNITY, Some(false), 0, 1)]
    #[case::cleared_since(GroupPolicy::PUBLIC, None, 14, 15)]
    #[case::cleared_before(GroupPolicy::PUBLIC, None, 4, 11)]
    #[case::cleared_for_newcomers_too(GroupPolicy::MEETING, None, 4, 5)]
    fn what_a_member_sees(
        #[case] policy: GroupPolicy,
        #[case] own_setting: Option<bool>,
        #[case] cleared_seq: u64,
        #[case] first: u64,
    ) {
        let scene = scene(policy, own_setting, cleared_seq);
        assert_eq!(Sight::of(&scene, &line(&scene)).expect("may read").first(), first);
    }

    #[test]
    fn app_admins_see_everything() {
        let mut scene = scene(GroupPolicy::PUBLIC, None, 14);
        scene.app_admin = true;
        let sight = Sight::of(&scene, &line(&scene)).expect("may read");
        assert_eq!(sight.first(), 1);
        assert!(sight.shows(&directed(1)));
    }

    #[test]
    fn strangers_and_live_rooms_have_nothing_to_read() {
        let mut stranger = scene(GroupPolicy::PUBLIC, None, 0);
        stranger.member = None;
        assert!(matches!(Sight::of(&stranger, &line(&stranger)), Err(Denied::NotMember { .. })));
        let room = scene(GroupPolicy::AV_CHAT_ROOM, None, 0);
        assert!(matches!(Sight::of(&room, &line(&room)), Err(Denied::TypeWithoutHistory(_))));
    }

    fn directed(seq: u64) -> Message {
        let options = MessageOptions { targets: vec![UserId::trusted("target")], ..MessageOptions::default() };
        let draft = Draft { options, ..text_of("sender", 6000) };
        Message { seq, draft: Arc::new(draft), version: 0, recall: None, counted: 0 }
    }

    #[rstest]
    #[case("sender", true)]
    #[case("target", true)]
    #[case("reader", false)]
    fn directed_messages_are_for_their_targets(#[case] reader: &str, #[case] shown: bool) {
        let mut scene = scene(GroupPolicy::MEETING, None, 0);
        scene.user = UserId::trusted(reader);
        assert_eq!(Sight::of(&scene, &line(&scene)).expect("may read").shows(&directed(12)), shown);
    }

    #[test]
    fn topics_show_what_was_said_since_the_member_joined() {
        let policy = GroupPolicy { history_before_join: false, ..GroupPolicy::COMMUNITY };
        let scene = scene(policy, None, 0);
        let topic = ConversationKey::Topic(TopicId::trusted("@TGS#_town@TOPIC#_news"));
        let sight = Sight::of(&scene, &topic).expect("may read");
        assert_eq!(sight.first(), 1, "a topic's numbers are its own");
        let said_at = |time| {
            let draft = Arc::new(text_of("sender", time));
            Message { seq: 3, draft, version: 0, recall: None, counted: 0 }
        };
        assert!(!sight.shows(&said_at(4999)));
        assert!(sight.shows(&said_at(5000)));
    }

    // Who sees what was said before joining where rights decide: role, right of the topic.
    #[rstest]
    #[case::member(Role::Member, 0, false)]
    #[case::member_with_the_right(Role::Member, crate::rights::topic::READ_HISTORY, true)]
    #[case::member_with_all_others(Role::Member, !crate::rights::topic::READ_HISTORY, false)]
    #[case::admin(Role::Admin, 0, false)]
    #[case::owner(Role::Owner, 0, true)]
    fn rights_open_the_history(#[case] role: Role, #[case] mask: u64, #[case] sees: bool) {
        let mut scene = scene(GroupPolicy::COMMUNITY, None, 0);
        Arc::make_mut(scene.member.as_mut().expect("a member")).role = role;
        Arc::make_mut(&mut scene.group).permission_enabled = true;
        scene.rights = Some(crate::rights::Rights { community: 0, topic: Some(mask) });
        let topic = ConversationKey::Topic(TopicId::trusted("@TGS#_town@TOPIC#_news"));
        let said = Message { seq: 3, draft: Arc::new(text_of("sender", 4999)), version: 0, recall: None, counted: 0 };
        assert_eq!(Sight::of(&scene, &topic).expect("may read").shows(&said), sees);
    }

    // The first number in sight of somebody who joined at 9: what they cleared, whether history from before is shown.
    #[rstest]
    #[case(0, true, false, 1)]
    #[case(4, true, false, 5)]
    #[case(0, false, false, 10)]
    #[case(4, false, false, 10)]
    #[case(12, false, false, 13)]
    #[case(12, false, true, 1)]
    fn what_a_member_has_in_a_topic_bounds_their_sight(
        #[case] cleared_seq: u64,
        #[case] history: bool,
        #[case] app_admin: bool,
        #[case] first: u64,
    ) {
        let mut scene = scene(GroupPolicy { history_before_join: history, ..GroupPolicy::COMMUNITY }, None, 0);
        scene.app_admin = app_admin;
        let topic = ConversationKey::Topic(TopicId::trusted("@TGS#_town@TOPIC#_news"));
        let mute_until = crate::time::MuteUntil::NEVER;
        let own = TopicMember { joined_seq: 9, read_seq: 0, cleared_seq, msg_flag: None, mute_until };
        let sight = Sight::of(&scene, &topic).expect("may read").of_member(&scene, &own);
        assert_eq!(sight.first(), first);
    }

    #[rstest]
    #[case::newest_page(0, 20, 50, 1, 31, 50, 30)]
    #[case::page_in_the_middle(30, 20, 50, 1, 11, 30, 10)]
    #[case::last_page(10, 20, 50, 1, 1, 10, 0)]
    #[case::exactly_to_the_end(20, 20, 50, 1, 1, 20, 0)]
    #[case::newcomer(0, 20, 50, 45, 45, 50, 0)]
    #[case::newcomer_with_more(0, 20, 50, 10, 31, 50, 30)]
    #[case::beyond_the_newest(60, 15, 50, 1, 46, 60, 45)]
    #[case::wholly_beyond(90, 15, 50, 1, 76, 90, 50)]
    #[case::before_the_first(10, 5, 50, 45, 45, 10, 0)]
    #[case::nothing_said(0, 20, 0, 1, 1, 0, 0)]
    #[case::nothing_said_recovering(14, 15, 0, 1, 1, 14, 0)]
    #[case::huge(u64::MAX, 20, 50, 1, u64::MAX - 19, u64::MAX, 50)]
    fn windows(
        #[case] top: u64,
        #[case] count: u64,
        #[case] newest: u64,
        #[case] first: u64,
        #[case] low: u64,
        #[case] high: u64,
        #[case] older: u64,
    ) {
        let window = Window::up_to(top, count, newest, first);
        assert_eq!(window, Window { low, high });
        assert_eq!(window.older(newest, first), older);
    }

    proptest! {
        #[test]
        fn paging_back_meets_every_number_in_sight_once(newest in 0u64..300, first in 1u64..320, count in 1u64..40) {
            let mut met = Vec::new();
            let mut top = 0;
            loop {
                let window = Window::up_to(top, count, newest, first);
                let part = window.within(newest);
                if !part.is_empty() {
                    met.extend((part.low..=part.high).rev());
                }
                top = window.older(newest, first);
                if top == 0 {
                    break;
                }
                prop_assert!(met.len() <= 300, "paging ends");
            }
            prop_assert_eq!(met, (first..=newest).rev().collect::<Vec<_>>());
        }

        #[test]
        fn a_window_is_where_it_was_asked_for(
            top in 1u64..400, newest in 0u64..300, first in 1u64..100, count in 1u64..40,
        ) {
            let window = Window::up_to(top, count, newest, first);
            for number in 1..=400 {
                let inside = number <= top && number + count > top && number >= first;
                prop_assert_eq!((window.low..=window.high).contains(&number), inside, "{}", number);
            }
        }
    }
}
