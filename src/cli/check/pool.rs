//! Work on every core, results in the order of the questions, and never more than a few of them in memory.

use super::super::Stop;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

/// Sites that are under way or wait for one before them, at the most.
const WINDOW: usize = 128;
/// Stack of a worker, in bytes: deep nesting is walked by recursion, as on the main thread.
const STACK: usize = 16 << 20;

/// Does the work for every item, in parallel, and hands each result over in the order of the items.
///
/// # Errors
/// Those of `take`, which end it; or that no thread can be had.
pub fn in_order<T: Send, R: Send>(
    items: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK).build();
    let pool = pool.map_err(|error| Stop::Told(format!("cannot start threads: {error}")))?;
    let work = &work;
    pool.in_place_scope(|scope| {
        let mut under_way: VecDeque<Receiver<R>> = VecDeque::new();
        for item in items {
            hand_over(&mut under_way, WINDOW - 1, &mut take)?;
            let (done, result) = sync_channel(1);
            under_way.push_back(result);
            scope.spawn(move |_| drop(done.send(work(item))));
        }
        hand_over(&mut under_way, 0, &mut take)
    })
}

/// Takes what is ready at the front, and waits while more than `most` are under way.
fn hand_over<R>(
    under_way: &mut VecDeque<Receiver<R>>,
    most: usize,
    take: &mut impl FnMut(R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    while let Some(front) = under_way.front() {
        let result = if under_way.len() > most { front.recv().map_err(TryRecvError::from) } else { front.try_recv() };
        match result {
            Ok(result) => take(result)?,
            Err(TryRecvError::Empty) => break,
            // A worker that panicked has told so itself, and the pool passes it on.
            Err(TryRecvError::Disconnected) => {}
        }
        under_way.pop_front();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_and_few_are_kept() {
        let (started, mut taken) = (AtomicUsize::new(0), Vec::new());
        let work = |number: usize| {
            started.fetch_add(1, Ordering::SeqCst);
            number
        };
        in_order(0..1_000, work, |number| {
            assert!(started.load(Ordering::SeqCst) <= number + WINDOW);
            taken.push(number);
            Ok(())
        })
        .unwrap();
        assert!(taken.iter().copied().eq(0..1_000));
    }

    #[test]
    fn what_cannot_be_taken_ends_it() {
        let stopped = in_order(0.., |number: u32| number, |_| Err(Stop::Told("full".to_owned())));
        assert_eq!(stopped.unwrap_err().to_string(), "full");
    }
}
