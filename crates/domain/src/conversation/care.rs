//! What one user does with the conversations of their list: pins, marks, groups, own data, deletion, receive options.
//! Nobody else sees any of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, UserId,
    change::{Change, Event, Expect, Write},
    denied::Denied,
    limits::ConversationLimits,
    time::Timestamp,
};

/// A conversation as one user names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Contact {
    /// With somebody.
    User(UserId),
    /// In a group.
    Group(GroupId),
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{user}"),
            Self::Group(group) => write!(f, "{group}"),
        }
    }
}

/// How somebody wants to be told of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReceiveOption {
    /// At once, and by offline push.
    #[default]
    Notify,
    /// Not at all; they stand in history.
    Discard,
    /// At once, without offline push.
    Silent,
}

/// When a group's conversation was deleted from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// The newest message that lists showed then.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
}

/// What a user did with one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Care {
    /// When it was pinned to the top; absent: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<Timestamp>,
    /// Standard marks, a bit each.
    pub marks: u64,
    /// The user's own data.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub custom: String,
    /// The groups of conversations it is in.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<u32>,
    /// A group's conversation is gone from the list until the next message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
    /// How one-to-one messages are told; a group's option is the member's.
    pub receive: ReceiveOption,
    /// When any of that last changed.
    pub changed_at: Timestamp,
}

impl Care {
    /// Whether it counts among the grouped or marked conversations.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.marks != 0 || !self.custom.is_empty() || !self.groups.is_empty()
    }
}

/// A group of conversations: a labelled folder of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Its number, unique for the user.
    pub id: u32,
    /// Its name, unique for the user.
    pub name: String,
}

/// When somebody does not want to be disturbed by anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoNotDisturb {
    /// How messages are told in that time.
    pub level: ReceiveOption,
    /// From when, Unix seconds.
    pub from: i64,
    /// Until when, Unix seconds.
    pub until: i64,
    /// Every day.
    pub repeated: bool,
}

impl DoNotDisturb {
    /// Whether nothing may disturb at that moment. Equal ends mean all the time.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        const DAY_SECS: i64 = 86_400;
        let length = self.until - self.from;
        let inside = if self.repeated {
            length >= DAY_SECS || (now.0 - self.from).rem_euclid(DAY_SECS) < length
        } else {
            (self.from..self.until).contains(&now.0)
        };
        self.level != ReceiveOption::Notify && (length == 0 || inside)
    }
}

/// What a user keeps about conversations as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    /// Grows with everything the user does with a conversation; kept by the store.
    #[serde(skip)]
    pub revision: u64,
    /// The folders, in the order of creation.
    pub folders: Vec<Folder>,
    /// The number of the newest folder ever.
    pub last_folder: u32,
    /// When nothing may disturb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_not_disturb: Option<DoNotDisturb>,
}

impl Book {
    /// The folder of a name.
    ///
    /// # Errors
    /// [`Denied::NoSuchFolder`].
    pub fn folder(&self, name: &str) -> Result<&Folder, Denied> {
        self.folders.iter().find(|folder| folder.name == name).ok_or_else(|| Denied::NoSuchFolder(name.to_owned()))
    }
}

/// What changed in a user's list, for the user's other devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// Conversations were deleted.
    Deleted(Vec<Contact>),
    /// Conversations were pinned, or no longer are.
    Pinned {
        /// Which.
        contacts: Vec<Contact>,
        /// Pinned, or no longer.
        pinned: bool,
    },
    /// Conversations got other marks or data.
    Marked(Vec<Marked>),
    /// A folder was made.
    FolderCreated {
        /// The folder.
        folder: Folder,
        /// What it holds.
        contacts: Vec<Contact>,
    },
    /// A folder was deleted.
    FolderDeleted(Folder),
    /// A folder got another name.
    FolderRenamed {
        /// As it is now.
        folder: Folder,
        /// The name it had.
        before: String,
    },
    /// Conversations came into a folder or left it.
    FolderChanged {
        /// The folder.
        folder: Folder,
        /// Each with whether it came in.
        contacts: Vec<(Contact, bool)>,
    },
    /// One-to-one messages of somebody are told otherwise.
    ReceiveOption {
        /// Of whom.
        peer: UserId,
        /// How.
        option: ReceiveOption,
    },
    /// Nothing may disturb at other times.
    DoNotDisturb(DoNotDisturb),
}

/// New marks of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Which.
    pub contact: Contact,
    /// The marks now, when they were asked for.
    pub marks: Option<u64>,
    /// The data now, when it was asked for.
    pub custom: Option<String>,
}

/// Who does something to which conversations, as they stand.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Who.
    pub user: UserId,
    /// The session that asks and knows already.
    pub session: Option<u64>,
    /// What is kept about conversations as a whole.
    pub book: Book,
    /// What was done so far with the conversations in question.
    pub care: BTreeMap<Contact, Care>,
    /// Now.
    pub now: Timestamp,
}

impl Desk {
    fn care(&self, contact: &Contact) -> Care {
        self.care.get(contact).cloned().unwrap_or_default()
    }

    /// Adds what is new about a conversation, unless it is as before.
    fn put(&self, change: Change, contact: &Contact, after: Care) -> Change {
        if after == self.care(contact) {
            return change;
        }
        let care = Box::new(Care { changed_at: self.now, ..after });
        change.write(Write::PutCare { user: self.user.clone(), contact: contact.clone(), care })
    }

    /// Against what was decided.
    fn guarded(&self, change: Change) -> Change {
        if change.writes.is_empty() {
            return change;
        }
        change.expect(Expect::BookAt { user: self.user.clone(), revision: self.book.revision })
    }

    fn tell(&self, change: Change, news: News) -> Change {
        change.event(Event::Contacts { user: self.user.clone(), session: self.session, news })
    }

    fn done(&self, change: Change, news: impl FnOnce() -> News) -> Change {
        if change.writes.is_empty() { change } else { self.tell(self.guarded(change), news()) }
    }
}

/// Pins conversations to the top of the list, or no longer. `others` is how many more are pinned.
///
/// # Errors
/// [`Denied::TooManyPinned`].
pub fn pin(
    desk: &Desk,
    contacts: &[Contact],
    pinned: bool,
    others: usize,
    limits: &ConversationLimits,
) -> Result<Change, Denied> {
    let mut change = Change::none();
    let mut moved = BTreeSet::new();
    for contact in contacts {
        let before = desk.care(contact);
        if before.pinned_at.is_some() != pinned && moved.insert(contact.clone()) {
            change = desk.put(change, contact, Care { pinned_at: pinned.then_some(desk.now), ..before });
        }
    }
    let pinned_before = desk.care.values().filter(|care| care.pinned_at.is_some()).count();
    if pinned && !moved.is_empty() && others + pinned_before + moved.len() > limits.max_pinned as usize {
        return Err(Denied::TooManyPinned(limits.max_pinned));
    }
    Ok(desk.done(change, || News::Pinned { contacts: moved.into_iter().collect(), pinned }))
}

/// What is asked about the marks of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Bits to set.
    pub set: u64,
    /// Bits to clear.
    pub clear: u64,
    /// Whether marks were asked for at all.
    pub standard: bool,
    /// New data; absent: as before.
    pub custom: Option<String>,
}

/// What became of each conversation, in the order of asking.
pub type Results<T> = Vec<Result<T, Denied>>;

/// Sets marks and data of conversations, each by itself. `grouped` is how many conversations are grouped or marked already.
#[must_use]
pub fn mark(
    desk: &Desk,
    asked: &[(Contact, Marks)],
    mut grouped: u64,
    limits: &ConversationLimits,
) -> (Results<u64>, Change) {
    let mut desk_now = desk.clone();
    let mut change = Change::none();
    let mut marked = Vec::new();
    let mut results = Results::new();
    for (contact, marks) in asked {
        let before = desk_now.care(contact);
        let after = Care {
            marks: if marks.standard { (before.marks & !marks.clear) | marks.set } else { before.marks },
            custom: marks.custom.clone().unwrap_or_else(|| before.custom.clone()),
            ..before.clone()
        };
        if after.is_grouped() && !before.is_grouped() {
            if grouped >= u64::from(limits.max_grouped) {
                results.push(Err(Denied::TooManyGrouped(limits.max_grouped)));
                continue;
            }
            grouped += 1;
        }
        results.push(Ok(after.marks));
        if after != before {
            marked.push(Marked {
                contact: contact.clone(),
                marks: marks.standard.then_some(after.marks),
                custom: marks.custom.clone(),
            });
        }
        change = desk_now.put(change, contact, after.clone());
        desk_now.care.insert(contact.clone(), after);
    }
    (results, desk.done(change, || News::Marked(marked)))
}

fn check_name(book: &Book, name: &str, limits: &ConversationLimits) -> Result<(), Denied> {
    if name.is_empty() {
        return Err(Denied::BadFolder("the name of a conversation group is empty".into()));
    }
    if name.len() > limits.group_name_bytes as usize {
        return Err(Denied::FolderNameTooLong(limits.group_name_bytes));
    }
    if book.folder(name).is_ok() {
        return Err(Denied::BadFolder(format!("there is a conversation group `{name}` already")));
    }
    Ok(())
}

fn put_book(desk: &Desk, change: Change, book: Book) -> Change {
    change.write(Write::PutBook { user: desk.user.clone(), book: Box::new(book) })
}

/// Makes a folder and puts conversations into it, each by itself.
///
/// # Errors
/// [`Denied::BadFolder`] for an empty or known name, [`Denied::FolderNameTooLong`], [`Denied::TooManyFolders`].
pub fn create_folder(
    desk: &Desk,
    name: &str,
    contacts: &[Contact],
    grouped: u64,
    limits: &ConversationLimits,
) -> Result<(Folder, Results<()>, Change), Denied> {
    check_name(&desk.book, name, limits)?;
    if desk.book.folders.len() >= limits.max_groups as usize {
        return Err(Denied::TooManyFolders(limits.max_groups));
    }
    let mut book = desk.book.clone();
    book.last_folder += 1;
    let folder = Folder { id: book.last_folder, name: name.to_owned() };
    book.folders.push(folder.clone());
    let moves: Vec<_> = contacts.iter().map(|contact| (contact.clone(), true)).collect();
    let change = put_book(desk, Change::none(), book);
    let (results, moved, change) = fill(desk, change, &folder, &moves, grouped, limits);
    let contacts = moved.into_iter().map(|(contact, _)| contact).collect();
    let change = desk.done(change, || News::FolderCreated { folder: folder.clone(), contacts });
    Ok((folder, results, change))
}

/// Puts conversations into a folder (`true`) or takes them out, each by itself.
///
/// # Errors
/// [`Denied::NoSuchFolder`].
pub fn change_folder(
    desk: &Desk,
    name: &str,
    moves: &[(Contact, bool)],
    grouped: u64,
    limits: &ConversationLimits,
) -> Result<(Folder, Results<()>, Change), Denied> {
    let folder = desk.book.folder(name)?.clone();
    let (results, contacts, change) = fill(desk, Change::none(), &folder, moves, grouped, limits);
    let change = desk.done(change, || News::FolderChanged { folder: folder.clone(), contacts });
    Ok((folder, results, change))
}

fn fill(
    desk: &Desk,
    mut change: Change,
    folder: &Folder,
    moves: &[(Contact, bool)],
    mut grouped: u64,
    limits: &ConversationLimits,
) -> (Results<()>, Vec<(Contact, bool)>, Change) {
    let mut desk_now = desk.clone();
    let (mut results, mut moved) = (Results::new(), Vec::new());
    for (contact, comes) in moves {
        let before = desk_now.care(contact);
        let mut after = before.clone();
        let differs = if *comes { after.groups.insert(folder.id) } else { after.groups.remove(&folder.id) };
        if after.is_grouped() && !before.is_grouped() {
            if grouped >= u64::from(limits.max_grouped) {
                results.push(Err(Denied::TooManyGrouped(limits.max_grouped)));
                continue;
            }
            grouped += 1;
        }
        results.push(Ok(()));
        if differs {
            moved.push((contact.clone(), *comes));
        }
        change = desk_now.put(change, contact, after.clone());
        desk_now.care.insert(contact.clone(), after);
    }
    (results, moved, change)
}

/// Gives a folder another name.
///
/// # Errors
/// [`Denied::NoSuchFolder`]; those of the new name as in [`create_folder`].
pub fn rename_folder(
    desk: &Desk,
    name: &str,
    new: &str,
    limits: &ConversationLimits,
) -> Result<(Folder, Change), Denied> {
    let before = desk.book.folder(name)?.clone();
    if name == new {
        return Ok((before, Change::none()));
    }
    check_name(&desk.book, new, limits)?;
    let mut book = desk.book.clone();
    let folder = Folder { id: before.id, name: new.to_owned() };
    book.folders.iter_mut().filter(|one| one.id == folder.id).for_each(|one| *one = folder.clone());
    let change = put_book(desk, Change::none(), book);
    let change = desk.done(change, || News::FolderRenamed { folder: folder.clone(), before: before.name });
    Ok((folder, change))
}

/// Deletes a folder; the conversations stay. The desk holds all that are in it.
///
/// # Errors
/// [`Denied::NoSuchFolder`].
pub fn delete_folder(desk: &Desk, name: &str) -> Result<(Folder, Change), Denied> {
    let folder = desk.book.folder(name)?.clone();
    let mut book = desk.book.clone();
    book.folders.retain(|one| one.id != folder.id);
    let change = desk.care.iter().fold(put_book(desk, Change::none(), book), |change, (contact, before)| {
        let mut after = before.clone();
        after.groups.remove(&folder.id);
        desk.put(change, contact, after)
    });
    let change = desk.done(change, || News::FolderDeleted(folder.clone()));
    Ok((folder, change))
}

/// Tells one-to-one messages of somebody otherwise from now on.
#[must_use]
pub fn set_receive(desk: &Desk, peer: &UserId, option: ReceiveOption) -> Change {
    let contact = Contact::User(peer.clone());
    let change = desk.put(Change::none(), &contact, Care { receive: option, ..desk.care(&contact) });
    desk.done(change, || News::ReceiveOption { peer: peer.clone(), option })
}

/// Sets when nothing may disturb.
#[must_use]
pub fn set_do_not_disturb(desk: &Desk, wanted: DoNotDisturb) -> Change {
    if desk.book.do_not_disturb.unwrap_or_default() == wanted {
        return Change::none();
    }
    let book = Book { do_not_disturb: Some(wanted), ..desk.book.clone() };
    desk.done(put_book(desk, Change::none(), book), || News::DoNotDisturb(wanted))
}

/// Where a conversation stands that is to leave the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// Which.
    pub contact: Contact,
    /// The newest message.
    pub last_seq: u64,
    /// The newest message that lists show.
    pub shown_seq: u64,
}

/// Deletes conversations from the list until the next message; nothing of them is unread or pinned then. `clear`: their history is
/// gone for the user, too. `tell`: other devices hear of it.
#[must_use]
pub fn delete(desk: &Desk, leaving: &[Leaving], clear: bool, tell: bool) -> Change {
    let mut change = Change::none();
    for Leaving { contact, last_seq, shown_seq } in leaving {
        let before = desk.care(contact);
        change = match contact {
            Contact::User(peer) => {
                let (user, peer) = (desk.user.clone(), peer.clone());
                let read = Write::SetDirectRead { user: user.clone(), peer: peer.clone(), until: desk.now };
                let change = change.write(Write::Unlist { user: user.clone(), peer: peer.clone() }).write(read);
                if clear { change.write(Write::ClearDirect { user, peer }) } else { change }
            }
            Contact::Group(group) => {
                let conversation = super::ConversationKey::Group(group.clone());
                let (user, seq) = (desk.user.clone(), *last_seq);
                let read = Write::SetRead { conversation: conversation.clone(), user, seq, force: false };
                let change = change.write(read);
                if clear { change.write(Write::ClearHistory { conversation, user: desk.user.clone() }) } else { change }
            }
        };
        let unlisted = match contact {
            Contact::User(_) => None,
            Contact::Group(_) => Some(Unlisted { seq: *shown_seq, at: desk.now }),
        };
        change = desk.put(change, contact, Care { pinned_at: None, unlisted, ..before });
    }
    if change.writes.is_empty() || !tell {
        return change;
    }
    desk.tell(change, News::Deleted(leaving.iter().map(|one| one.contact.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::Limits;

    const NOW: Timestamp = Timestamp(1000);

    fn person(name: &str) -> Contact {
        Contact::User(UserId::trusted(name))
    }

    fn limits() -> ConversationLimits {
        ConversationLimits { max_pinned: 2, max_groups: 2, max_grouped: 2, ..Limits::classic().conversation }
    }

    fn desk(care: &[(Contact, Care)]) -> Desk {
        let folders = vec![Folder { id: 1, name: "work".into() }];
        Desk {
            user: UserId::trusted("ana"),
            session: Some(7),
            book: Book { revision: 5, folders, last_folder: 1, do_not_disturb: None },
            care: care.iter().cloned().collect(),
            now: NOW,
        }
    }

    fn put(change: &Change) -> Vec<(&Contact, &Care)> {
        let care = change.writes.iter().filter_map(|write| match write {
            Write::PutCare { contact, care, .. } => Some((contact, &**care)),
            _ => None,
        });
        care.collect()
    }

    #[rstest]
    //     from, until, repeated, now, quiet
    #[case(1000, 2000, false, 999, false)]
    #[case(1000, 2000, false, 1000, true)]
    #[case(1000, 2000, false, 2000, false)]
    #[case(1000, 2000, false, 87_400, false)]
    #[case(1000, 2000, true, 87_400, true)]
    #[case(1000, 2000, true, 88_400, false)]
    #[case(80_000, 90_000, true, 1000, true)]
    #[case(80_000, 90_000, true, 4000, false)]
    #[case(0, 0, true, 5, true)]
    #[case(0, 86_400, true, 7_000_000, true)]
    fn quiet_times_hold(
        #[case] from: i64,
        #[case] until: i64,
        #[case] repeated: bool,
        #[case] now: i64,
        #[case] quiet: bool,
    ) {
        let times = DoNotDisturb { level: ReceiveOption::Silent, from, until, repeated };
        assert_eq!(times.holds(Timestamp(now)), quiet);
        assert!(!DoNotDisturb { level: ReceiveOption::Notify, ..times }.holds(Timestamp(now)));
    }

    #[test]
    fn pins_have_a_cap_and_are_told_once() {
        let pinned = Care { pinned_at: Some(NOW), ..Care::default() };
        let change = pin(&desk(&[]), &[person("bob"), person("bob")], true, 0, &limits()).expect("room");
        assert_eq!(put(&change), [(&person("bob"), &Care { changed_at: NOW, ..pinned.clone() })]);
        assert_eq!((change.expect.len(), change.events.len()), (1, 1));
        assert_eq!(pin(&desk(&[]), &[person("bob")], true, 2, &limits()), Err(Denied::TooManyPinned(2)));
        let known = desk(&[(person("bob"), pinned.clone())]);
        assert!(pin(&known, &[person("bob")], true, 2, &limits()).expect("pinned already").is_empty());
        assert_eq!(put(&pin(&known, &[person("bob")], false, 9, &limits()).expect("fine")).len(), 1);
    }

    #[test]
    fn marks_are_set_and_cleared_each_by_itself() {
        let marks = |set, clear| Marks { set, clear, standard: true, custom: None };
        let known = desk(&[(person("bob"), Care { marks: 0b1010, ..Care::default() })]);
        let (results, change) = mark(&known, &[(person("bob"), marks(0b1, 0b10))], 1, &limits());
        assert_eq!(results, [Ok(0b1001)]);
        assert_eq!(put(&change)[0].1.marks, 0b1001);
        // Room for one more.
        let asked = [(person("cid"), marks(1, 0)), (person("dan"), marks(1, 0)), (person("bob"), marks(4, 0))];
        let (results, change) = mark(&known, &asked, 1, &limits());
        assert_eq!(results, [Ok(1), Err(Denied::TooManyGrouped(2)), Ok(0b1110)]);
        assert_eq!(put(&change).len(), 2);
        let (_, nothing) = mark(&known, &[(person("bob"), marks(0b10, 0))], 1, &limits());
        assert!(nothing.is_empty());
    }

    #[test]
    fn custom_data_alone_leaves_marks() {
        let known = desk(&[(person("bob"), Care { marks: 1, ..Care::default() })]);
        let data = Marks { custom: Some("x".into()), ..Marks::default() };
        let (results, change) = mark(&known, &[(person("bob"), data)], 1, &limits());
        assert_eq!(results, [Ok(1)]);
        assert_eq!((put(&change)[0].1.custom.as_str(), put(&change)[0].1.marks), ("x", 1));
    }

    #[test]
    fn folders_are_made_filled_renamed_and_deleted() {
        let none = desk(&[]);
        let (folder, results, change) =
            create_folder(&none, "home", &[person("bob"), person("bob")], 0, &limits()).expect("room");
        assert_eq!((folder.id, results), (2, vec![Ok(()), Ok(())]));
        assert_eq!(put(&change)[0].1.groups, BTreeSet::from([2]));
        for (name, denied) in [
            ("work", Denied::BadFolder("there is a conversation group `work` already".into())),
            ("", Denied::BadFolder("the name of a conversation group is empty".into())),
            (&"x".repeat(33), Denied::FolderNameTooLong(32)),
        ] {
            assert_eq!(create_folder(&none, name, &[], 0, &limits()), Err(denied));
        }
        let full = Desk { book: Book { folders: vec![folder; 2], ..none.book.clone() }, ..none.clone() };
        assert_eq!(create_folder(&full, "more", &[], 0, &limits()), Err(Denied::TooManyFolders(2)));

        let holds = desk(&[(person("bob"), Care { groups: BTreeSet::from([1]), ..Care::default() })]);
        let (_, results, change) =
            change_folder(&holds, "work", &[(person("bob"), false), (person("cid"), true)], 1, &limits())
                .expect("fine");
        assert_eq!(results, [Ok(()), Ok(())]);
        assert_eq!(put(&change).len(), 2);
        assert!(change_folder(&holds, "home", &[], 1, &limits()).is_err());

        let (renamed, _) = rename_folder(&holds, "work", "office", &limits()).expect("fine");
        assert_eq!((renamed.id, renamed.name.as_str()), (1, "office"));
        let (_, change) = delete_folder(&holds, "work").expect("fine");
        assert!(put(&change)[0].1.groups.is_empty());
    }

    #[test]
    fn what_is_deleted_is_read_and_not_pinned() {
        let pinned = Care { pinned_at: Some(NOW), marks: 1, ..Care::default() };
        let crew = Contact::Group(GroupId::trusted("crew"));
        let known = desk(&[(crew.clone(), pinned.clone()), (person("bob"), pinned)]);
        let leaving = [
            Leaving { contact: crew, last_seq: 9, shown_seq: 8 },
            Leaving { contact: person("bob"), last_seq: 0, shown_seq: 0 },
        ];
        let change = delete(&known, &leaving, false, false);
        let unlisted: Vec<_> =
            put(&change).into_iter().map(|(_, care)| (care.pinned_at, care.marks, care.unlisted)).collect();
        assert_eq!(unlisted, [(None, 1, Some(Unlisted { seq: 8, at: NOW })), (None, 1, None)]);
        assert!(change.events.is_empty());
        assert!(
            !change.writes.iter().any(|write| matches!(write, Write::ClearDirect { .. } | Write::ClearHistory { .. }))
        );
        let change = delete(&known, &leaving, true, true);
        let cleared = change
            .writes
            .iter()
            .filter(|write| matches!(write, Write::ClearDirect { .. } | Write::ClearHistory { .. }));
        assert_eq!((cleared.count(), change.events.len()), (2, 1));
    }
}
