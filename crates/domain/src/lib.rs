//! The rules of Tsudoi: groups, members, messages, policies and decisions, free of clock, dice and I/O.
