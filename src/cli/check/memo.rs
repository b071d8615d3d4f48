//! Answers that were given before, as many as there is room for.

use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// What a question and its answer hold in memory beside themselves.
pub trait Weigh {
    /// About so many bytes.
    fn weight(&self) -> usize;
}

/// Answers by their whole question, so that no two are taken for each other.
pub struct Memo<K, V> {
    room: usize,
    kept: Mutex<Kept<K, V>>,
}

struct Kept<K, V> {
    answers: FxHashMap<K, V>,
    bytes: usize,
}

impl<K: Hash + Eq + Weigh, V: Clone + Weigh> Memo<K, V> {
    /// An empty one that keeps so many bytes.
    pub fn new(room: usize) -> Self {
        Self { room, kept: Mutex::new(Kept { answers: FxHashMap::default(), bytes: 0 }) }
    }

    /// The answer, found or made. While one is made nobody waits: two may make the same.
    pub fn get_or(&self, key: K, make: impl FnOnce(&K) -> V) -> V {
        let found = self.lock().answers.get(&key).cloned();
        found.unwrap_or_else(|| {
            let made = make(&key);
            self.keep(key, made.clone());
            made
        })
    }

    /// Where there is no room left, what was kept goes.
    fn keep(&self, key: K, answer: V) {
        let weight = size_of::<(K, V)>() + key.weight() + answer.weight();
        let mut kept = self.lock();
        if kept.bytes + weight > self.room {
            kept.answers.clear();
            kept.bytes = 0;
        }
        if weight <= self.room && kept.answers.insert(key, answer).is_none() {
            kept.bytes += weight;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept<K, V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for String {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn an_answer_is_made_once_while_there_is_room_and_never_more_is_kept() {
        let memo = Memo::new(10_000);
        let made = Mutex::new(0);
        let ask = |question: usize| {
            memo.get_or(question.to_string(), |question| {
                *made.lock().unwrap() += 1;
                question.repeat(100)
            })
        };
        assert_eq!((ask(7), ask(7)), ("7".repeat(100), "7".repeat(100)));
        assert_eq!(*made.lock().unwrap(), 1);
        for question in 0..1_000 {
            assert_eq!(ask(question), question.to_string().repeat(100));
            assert!(memo.lock().bytes <= 10_000);
        }
        assert_eq!(*made.lock().unwrap(), 1_000);
    }
}
