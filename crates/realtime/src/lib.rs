//! The air of Tsudoi: sessions, fan-out and the bus between nodes.
