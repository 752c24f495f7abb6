//! Where conversations stand, and one-to-one views.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    conversation::{ConversationKey, DirectView, Position},
    time::Timestamp,
};

use super::{Sqlite, failed, int, uint};
use crate::{Conversations, StoreError};

#[async_trait]
impl Conversations for Sqlite {
    async fn position(&self, app: AppId, conversation: &ConversationKey) -> Result<Position, StoreError> {
        self.read(|c| Ok(find(c, app, conversation)?.map(|(_, position)| position).unwrap_or_default()))
    }

    async fn direct_view(&self, app: AppId, user: &UserId, peer: &UserId) -> Result<Option<DirectView>, StoreError> {
        self.read(|c| Ok(view(c, app, user, peer)?.map(|row| row.view)))
    }

    async fn direct_views(
        &self,
        app: AppId,
        user: &UserId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<DirectView>, StoreError> {
        self.read(|c| {
            let sql = format!(
                "SELECT {VIEW} FROM direct_views WHERE app = ?1 AND user = ?2 AND updated_at >= ?3 AND shown_seq > 0
                 ORDER BY updated_at DESC, peer DESC LIMIT ?4"
            );
            views(c, &sql, params![app.0, user.as_str(), since.0, int(limit as u64)])
        })
    }

    async fn unread_total(&self, app: AppId, user: &UserId) -> Result<u64, StoreError> {
        self.read(|c| unread(c, app, user))
    }

    async fn unread_views(&self, app: AppId, user: &UserId, limit: usize) -> Result<Vec<DirectView>, StoreError> {
        self.read(|c| {
            let sql = format!(
                "SELECT {VIEW} FROM direct_views WHERE app = ?1 AND user = ?2 AND counted > counted_read
                 ORDER BY updated_at DESC, peer DESC LIMIT ?3"
            );
            views(c, &sql, params![app.0, user.as_str(), int(limit as u64)])
        })
    }

    async fn arrival(&self, app: AppId, conversation: &ConversationKey, seq: u64) -> Result<u64, StoreError> {
        self.read(|c| {
            let Some((pk, _)) = find(c, app, conversation)? else { return Ok(0) };
            let found: Option<i64> = c
                .prepare_cached("SELECT id FROM messages WHERE conv = ?1 AND seq = ?2")
                .and_then(|mut s| s.query_row(params![pk, int(seq)], |r| r.get(0)).optional())
                .map_err(failed)?;
            Ok(found.map_or(0, uint))
        })
    }
}

const VIEW: &str = "peer, shown_seq, updated_at, read_until, counted, counted_read, cleared_seq, read_seq, late,
                    cleared_time";

/// By how much the clocks of those who send may disagree.
const CLOCK_SLACK_SECS: i64 = 60;

/// A view as it is stored: with what unread messages are counted from.
pub(super) struct ViewRow {
    pub(super) view: DirectView,
    /// The newest message when `read_until` was set.
    pub(super) read_seq: u64,
    /// Unread messages that arrived since then although they are dated `read_until` or before.
    pub(super) late: u64,
    /// The newest message when `cleared_seq` was set.
    pub(super) cleared_time: Timestamp,
}

impl ViewRow {
    /// Nothing older than this is shown: what was there when the history was cleared, but for clocks that disagree by a
    /// little. It keeps pages from looking at all that is hidden.
    pub(super) fn shown_from(&self) -> Timestamp {
        Timestamp(self.cleared_time.0.saturating_sub(CLOCK_SLACK_SECS))
    }

    /// A view nobody has looked at yet.
    pub(super) fn new(peer: &UserId) -> Self {
        Self { view: DirectView::new(peer.clone()), read_seq: 0, late: 0, cleared_time: Timestamp(0) }
    }
}

fn read_view(r: &Row<'_>) -> rusqlite::Result<ViewRow> {
    Ok(ViewRow {
        view: DirectView {
            peer: UserId::trusted(&r.get::<_, String>(0)?),
            shown_seq: uint(r.get(1)?),
            updated_at: Timestamp(r.get(2)?),
            read_until: Timestamp(r.get(3)?),
            counted: uint(r.get(4)?),
            counted_read: uint(r.get(5)?),
            cleared_seq: uint(r.get(6)?),
        },
        read_seq: uint(r.get(7)?),
        late: uint(r.get(8)?),
        cleared_time: Timestamp(r.get(9)?),
    })
}

fn views(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<DirectView>, StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map(params, |r| Ok(read_view(r)?.view)).map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

pub(super) fn view(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<Option<ViewRow>, StoreError> {
    c.prepare_cached(&format!("SELECT {VIEW} FROM direct_views WHERE app = ?1 AND user = ?2 AND peer = ?3"))
        .and_then(|mut s| s.query_row(params![app.0, user.as_str(), peer.as_str()], read_view).optional())
        .map_err(failed)
}

/// With whom a user has a view.
pub(super) fn peers(c: &Connection, app: AppId, user: &UserId) -> Result<Vec<UserId>, StoreError> {
    c.prepare_cached("SELECT peer FROM direct_views WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| {
            s.query_map(params![app.0, user.as_str()], |r| Ok(UserId::trusted(&r.get::<_, String>(0)?)))?.collect()
        })
        .map_err(failed)
}

pub(super) fn put_view(c: &Connection, app: AppId, user: &UserId, row: &ViewRow) -> Result<(), StoreError> {
    let view = &row.view;
    c.prepare_cached(
        "INSERT INTO direct_views (app, user, peer, shown_seq, updated_at, read_until, counted, counted_read, cleared_seq,
                                   read_seq, late, cleared_time)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (app, user, peer) DO UPDATE SET shown_seq = ?4, updated_at = ?5, read_until = ?6, counted = ?7,
             counted_read = ?8, cleared_seq = ?9, read_seq = ?10, late = ?11, cleared_time = ?12",
    )
    .and_then(|mut s| {
        s.execute(params![
            app.0,
            user.as_str(),
            view.peer.as_str(),
            int(view.shown_seq),
            view.updated_at.0,
            view.read_until.0,
            int(view.counted),
            int(view.counted_read),
            int(view.cleared_seq),
            int(row.read_seq),
            int(row.late),
            row.cleared_time.0
        ])
    })
    .map(drop)
    .map_err(failed)
}

/// One more message of a user is unread.
pub(super) fn more_unread(c: &Connection, app: AppId, user: &UserId) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO inboxes (app, user, unread) VALUES (?1, ?2, 1)
         ON CONFLICT (app, user) DO UPDATE SET unread = unread + 1",
    )
    .and_then(|mut s| s.execute(params![app.0, user.as_str()]))
    .map(drop)
    .map_err(failed)
}

/// How many messages of a user are unread, in all conversations.
pub(super) fn unread(c: &Connection, app: AppId, user: &UserId) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT unread FROM inboxes WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)).optional())
        .map(|unread| unread.map_or(0, uint))
        .map_err(failed)
}

/// So many messages of a user are no longer unread.
pub(super) fn less_unread(c: &Connection, app: AppId, user: &UserId, by: u64) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE inboxes SET unread = unread - ?3 WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.execute(params![app.0, user.as_str(), int(by)]))
        .map(drop)
        .map_err(failed)
}

/// The kind and key columns of a conversation.
pub(super) fn columns(conversation: &ConversationKey) -> (i64, std::borrow::Cow<'_, str>) {
    match conversation {
        ConversationKey::Group(id) => (1, id.as_str().into()),
        ConversationKey::Topic(id) => (2, id.as_str().into()),
        ConversationKey::Direct(one, other) => (3, format!("{one}\n{other}").into()),
    }
}

/// Whose conversation it is, unless it is gone.
pub(super) fn owner(c: &Connection, pk: i64) -> Result<Option<(AppId, ConversationKey)>, StoreError> {
    let found: Option<(u32, i64, String)> = c
        .prepare_cached("SELECT app, kind, key FROM conversations WHERE pk = ?1")
        .and_then(|mut s| s.query_row([pk], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional())
        .map_err(failed)?;
    let Some((app, kind, key)) = found else { return Ok(None) };
    // The way back of `columns`.
    let key = match (kind, key.split_once('\n')) {
        (1, _) => ConversationKey::Group(GroupId::trusted(&key)),
        (2, _) => ConversationKey::Topic(TopicId::trusted(&key)),
        (3, Some((one, other))) => ConversationKey::Direct(UserId::trusted(one), UserId::trusted(other)),
        _ => return Err(StoreError::Corrupt(format!("conversation {pk} of kind {kind}"))),
    };
    Ok(Some((AppId(app), key)))
}

/// Reads `last_seq, last_time, shown_seq, shown_time` from a column on.
pub(super) fn position(row: &Row<'_>, at: usize) -> Result<Position, StoreError> {
    Ok(Position {
        last_seq: uint(row.get(at).map_err(failed)?),
        last_time: Timestamp(row.get(at + 1).map_err(failed)?),
        shown_seq: uint(row.get(at + 2).map_err(failed)?),
        shown_time: Timestamp(row.get(at + 3).map_err(failed)?),
    })
}

pub(super) fn find(
    c: &Connection,
    app: AppId,
    conversation: &ConversationKey,
) -> Result<Option<(i64, Position)>, StoreError> {
    let (kind, key) = columns(conversation);
    c.prepare_cached(
        "SELECT last_seq, last_time, shown_seq, shown_time, pk FROM conversations WHERE app = ?1 AND kind = ?2 AND key = ?3",
    )
    .and_then(|mut s| s.query_row(params![app.0, kind, key], |r| Ok((r.get(4)?, position(r, 0)))).optional())
    .map_err(failed)?
    .map(|(pk, position)| Ok((pk, position?)))
    .transpose()
}

pub(super) fn create(c: &Connection, app: AppId, conversation: &ConversationKey) -> Result<i64, StoreError> {
    let (kind, key) = columns(conversation);
    c.prepare_cached("INSERT INTO conversations (app, kind, key) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![app.0, kind, key]))
        .map_err(failed)?;
    Ok(c.last_insert_rowid())
}

pub(super) fn put_position(c: &Connection, pk: i64, position: &Position) -> Result<(), StoreError> {
    c.prepare_cached(
        "UPDATE conversations SET last_seq = ?2, last_time = ?3, shown_seq = ?4, shown_time = ?5 WHERE pk = ?1",
    )
    .and_then(|mut s| {
        s.execute(params![
            pk,
            int(position.last_seq),
            position.last_time.0,
            int(position.shown_seq),
            position.shown_time.0
        ])
    })
    .map(drop)
    .map_err(failed)
}

/// Drops a conversation; its messages are deleted bit by bit.
pub(super) fn delete(c: &Connection, app: AppId, conversation: &ConversationKey) -> Result<(), StoreError> {
    let Some((pk, _)) = find(c, app, conversation)? else { return Ok(()) };
    for sql in ["INSERT INTO dead_conversations (pk) VALUES (?1)", "DELETE FROM conversations WHERE pk = ?1"] {
        c.prepare_cached(sql).and_then(|mut s| s.execute([pk])).map_err(failed)?;
    }
    Ok(())
}
