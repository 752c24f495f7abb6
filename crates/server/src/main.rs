//! The `tsudoi` binary.
fn main() {}
