//! The memory of Tsudoi: store traits, the embedded SQLite backend and the conformance suite.
