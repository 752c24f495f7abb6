//! The load generator of Tsudoi: sends, fan-out, login storms, each against a reference in the same run.
