//! Faults on purpose: in a build of the tests a worker panics, stalls or computes NaN at a phase of a
//! step; elsewhere, in models under loom too, all of this is nothing.

#[cfg(any(loom, not(test)))]
pub(crate) use nothing::Faults;
#[cfg(all(test, not(loom)))]
pub(crate) use planned::{Fault, Faults, Kind, Plan};

/// No faults: what a build that is shipped has.
#[cfg(any(loom, not(test)))]
mod nothing {
    use crate::engine::timing::Doing;

    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Faults;

    impl Faults {
        pub(crate) fn of_this_thread() -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn strike(self, _doing: Doing) {}

        #[inline(always)]
        pub(crate) fn spoil<'v>(
            self,
            _doing: Doing,
            _values: impl FnOnce() -> Option<&'v mut [f32]>,
        ) {
        }
    }
}

/// The faults of a test.
#[cfg(all(test, not(loom)))]
mod planned {
    use std::cell::RefCell;
    use std::sync::Arc;

    use crate::engine::timing::{Doing, Phase};
    use crate::sync::Mutex;

    /// What happens.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Kind {
        Panics,
        /// Until the plan says that it was seen.
        Stalls,
        Nan,
    }

    /// When and where, and how often: in every step from that one on, if need be.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Fault {
        pub(crate) kind: Kind,
        pub(crate) worker: usize,
        pub(crate) phase: Phase,
        pub(crate) step: u64,
        pub(crate) times: usize,
    }

    /// The faults of the engines that a thread runs.
    #[derive(Debug)]
    pub(crate) struct Plan {
        left: Mutex<Vec<Fault>>,
        /// Whether one that stalls may go on.
        seen: Mutex<bool>,
    }

    thread_local! {
        static PLAN: RefCell<Option<Arc<Plan>>> = const { RefCell::new(None) };
    }

    impl Plan {
        /// Runs `part`, in whose engines these faults happen.
        pub(crate) fn run<T>(faults: Vec<Fault>, part: impl FnOnce(&Arc<Plan>) -> T) -> T {
            let plan = Arc::new(Plan {
                left: Mutex::new(faults),
                seen: Mutex::new(false),
            });
            PLAN.set(Some(Arc::clone(&plan)));
            let result = part(&plan);
            PLAN.set(None);
            result
        }

        /// Lets who stalls go on.
        pub(crate) fn saw(&self) {
            *self.seen.lock() = true;
        }

        /// Faults that have not happened.
        pub(crate) fn left(&self) -> usize {
            self.left.lock().len()
        }

        /// Takes a fault that is due.
        fn due(&self, doing: Doing, is_kind: fn(Kind) -> bool) -> Option<Kind> {
            let mut left = self.left.lock();
            let at = left.iter().position(|fault| {
                (fault.worker, fault.phase) == (doing.worker, doing.phase)
                    && fault.step <= doing.step
                    && is_kind(fault.kind)
            })?;
            left[at].times -= 1;
            let kind = left[at].kind;
            if left[at].times == 0 {
                left.remove(at);
            }
            Some(kind)
        }
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Faults(Option<Arc<Plan>>);

    impl Faults {
        pub(crate) fn of_this_thread() -> Self {
            Self(PLAN.with_borrow(Clone::clone))
        }

        /// Panics or stalls, if that is due.
        pub(crate) fn strike(&self, doing: Doing) {
            let Some(plan) = &self.0 else { return };
            match plan.due(doing, |kind| kind != Kind::Nan) {
                Some(Kind::Panics) => panic!("a cosmic ray"),
                Some(_) => {
                    while !*plan.seen.lock() {
                        std::thread::yield_now();
                    }
                }
                None => {}
            }
        }

        /// Makes the first value NaN, if that is due.
        pub(crate) fn spoil<'v>(
            &self,
            doing: Doing,
            values: impl FnOnce() -> Option<&'v mut [f32]>,
        ) {
            if let Some(plan) = &self.0
                && let Some([first, ..]) = values()
                && plan.due(doing, |kind| kind == Kind::Nan).is_some()
            {
                *first = f32::NAN;
            }
        }
    }
}
