//! The rules of Tsudoi: who may do what to which group, member or message, and what then has to be stored.
//!
//! Everything here is a pure function of what was loaded, who asks, the time and, where the specification says
//! "at random", the dice. Nothing awaits, nothing reads a clock, nothing knows the vendor's field names. Callers load a
//! scene, ask for a decision and hand the resulting [`change::Change`] to the store.

mod column;
pub mod group {
    //! Groups: their types and what each type allows.

    pub mod group_type;
    pub mod policy;

    pub use group_type::{GroupType, TypeNames};
    pub use policy::{ApplyJoinOption, GroupPolicy, InviteJoinOption, MsgFlag, PolicyOverride};
}
pub mod id;
pub mod limits;
pub mod permission;
pub mod settings;
pub mod time;

pub use group::{GroupPolicy, GroupType};
pub use id::{AppId, GroupId, TopicId, UserId};
pub use limits::Limits;
pub use permission::{Action, Actor, Role, Verdict, permission};
pub use settings::AppSettings;
pub use time::{Millis, Timestamp};
