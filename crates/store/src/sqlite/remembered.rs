//! What the writer remembers between changes, bounded: rows that were not used for a while are forgotten.

use std::{collections::HashMap, hash::Hash};

/// A map in two generations. What is used moves to the young one; when that is full the old one is dropped.
pub(super) struct Remembered<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// How many entries a generation may have.
    generation: usize,
}

impl<K: Eq + Hash, V> Remembered<K, V> {
    /// Holds at most twice as many entries as a generation, after every [`Remembered::age`].
    pub(super) fn new(generation: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation }
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.young.insert(key, value);
        }
        self.young.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets what was not used since the young generation last filled. To be called when nothing remembered has
    /// yet to be written.
    pub(super) fn age(&mut self) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut remembered = Remembered::new(10);
        for n in 0..100 {
            remembered.insert(n, n);
            assert_eq!(remembered.get_mut(&0), Some(&mut 0), "used all the time");
            remembered.age();
        }
        assert!(remembered.young.len() + remembered.old.len() <= 20);
        assert_eq!(remembered.get_mut(&1), None);
        assert_eq!(remembered.get_mut(&99), Some(&mut 99));
        remembered.remove(&99);
        assert_eq!(remembered.get_mut(&99), None);
    }
}
