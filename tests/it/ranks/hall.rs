//! Ranks that are threads of this process, and that hold one another to making the same calls.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};

use losswalk::objective::Ranks;

/// What a rank brings to a collective call, and which it is.
type Contribution = (&'static str, Vec<f64>);

/// Where the ranks meet.
#[derive(Debug)]
struct Hall {
    barrier: Barrier,
    board: Mutex<Vec<Contribution>>,
}

/// The ends of the ways between two ranks, and from the leading rank.
#[derive(Debug)]
struct Ways {
    to: Vec<Sender<Vec<f64>>>,
    from: Vec<Mutex<Receiver<Vec<f64>>>>,
    orders_to: Vec<Sender<Vec<u8>>>,
    orders: Mutex<Receiver<Vec<u8>>>,
}

/// One of them.
#[derive(Debug)]
struct Threads {
    own: usize,
    hall: Arc<Hall>,
    ways: Ways,
}

/// So many of them, that reach one another.
pub fn hall(count: usize) -> Vec<Arc<dyn Ranks>> {
    let board = Mutex::new(vec![("", Vec::new()); count]);
    let hall = Arc::new(Hall { barrier: Barrier::new(count), board });
    let (orders_to, orders): (Vec<_>, Vec<_>) = (0..count).map(|_| channel()).unzip();
    let mut to: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
    let mut from: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
    for to in &mut to {
        for from in &mut from {
            let (sender, receiver) = channel();
            to.push(sender);
            from.push(Mutex::new(receiver));
        }
    }
    let ends = to.into_iter().zip(from).zip(orders).enumerate();
    let rank = |(own, ((to, from), orders))| -> Arc<dyn Ranks> {
        let ways = Ways { to, from, orders_to: orders_to.clone(), orders: Mutex::new(orders) };
        Arc::new(Threads { own, hall: hall.clone(), ways })
    };
    ends.map(rank).collect()
}

impl Threads {
    /// What every rank brings to the same call.
    fn meet(&self, call: &'static str, own: &[f64]) -> Vec<Vec<f64>> {
        self.hall.board.lock().unwrap()[self.own] = (call, own.to_vec());
        self.hall.barrier.wait();
        let board = self.hall.board.lock().unwrap().clone();
        self.hall.barrier.wait();
        assert!(board.iter().all(|(other, _)| *other == call), "ranks make different calls");
        board.into_iter().map(|(_, numbers)| numbers).collect()
    }
}

impl Ranks for Threads {
    fn own(&self) -> usize {
        self.own
    }

    fn count(&self) -> usize {
        self.ways.to.len()
    }

    fn host(&self) -> String {
        "here".to_owned()
    }

    fn smallest(&self, own: usize) -> usize {
        // The states are small, or the two largest numbers there are.
        let coded = if own > 1000 { 1000 + (own - (usize::MAX - 1)) } else { own };
        let all = self.meet("smallest", &[coded as f64]);
        let least = all.iter().map(|numbers| numbers[0] as usize).min().unwrap();
        if least >= 1000 { usize::MAX - 1 + (least - 1000) } else { least }
    }

    fn send(&self, to: usize, numbers: &[f64]) {
        self.ways.to[to].send(numbers.to_vec()).unwrap();
    }

    fn receive(&self, from: usize) -> Vec<f64> {
        self.ways.from[from].lock().unwrap().recv().unwrap()
    }

    fn broadcast(&self, numbers: Vec<f64>) -> Vec<f64> {
        self.meet("broadcast", &numbers).swap_remove(0)
    }

    fn gather(&self, own: &[f64], lengths: &[usize]) -> Vec<f64> {
        assert_eq!(own.len(), lengths[self.own]);
        self.meet("gather", own).concat()
    }

    fn tell(&self, order: &[u8]) {
        let others = self.ways.orders_to.iter().skip(1);
        others.for_each(|way| way.send(order.to_vec()).unwrap());
    }

    fn hear(&self) -> Vec<u8> {
        self.ways.orders.lock().unwrap().recv().unwrap()
    }

    fn abort(&self) {
        panic!("rank {} ends the job", self.own);
    }
}
