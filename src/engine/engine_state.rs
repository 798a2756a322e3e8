//! Engine state: what an engine runs on and what it has done; parameters and optimiser state out
//! and in.

use super::affinity::Placement;
use super::assignment::Assignment;
use super::build::Engine;
use super::error::EngineError;
use super::ranks::group::SegmentPlace;
use super::ranks::{RankPlacement, Ranks};
use super::replica::Replica;
use super::timing::PhaseTimes;
use super::update::Update;

impl<R: Replica, U: Update> Engine<R, U> {
    /// The threads, cores and waiting that were decided on.
    pub fn placement(&self) -> &Placement {
        &self.roles.placement
    }

    /// Shards of a batch.
    pub fn num_shards(&self) -> usize {
        self.roles.num_shards
    }

    /// State values that the optimiser keeps for each parameter.
    pub fn num_state_buffers(&self) -> usize {
        self.update.num_state_buffers()
    }

    /// Who computes which shards, as of the last step.
    pub fn assignment(&self) -> &Assignment {
        &self.coordinator.scheduler.own.assignment
    }

    /// How many times, between two steps, shards have moved from one worker to another.
    pub fn moves(&self) -> usize {
        self.coordinator.scheduler.moves()
    }

    /// The time each worker has spent in each phase.
    pub fn phase_times(&self) -> Vec<PhaseTimes> {
        self.workers
            .iter()
            .map(|worker| worker.watch.times())
            .collect()
    }

    /// What the user should know about idle workers: more threads than shards.
    pub fn warning(&self) -> Option<String> {
        let (threads, shards) = (self.roles.group.num_all_workers(), self.roles.num_shards);
        (threads > shards).then(|| {
            format!(
                "{} of {threads} threads have no shard to work on: use {threads} shards or more, or fewer threads",
                threads - shards
            )
        })
    }

    /// Whether a worker died outside the guarded part of a step: parameters and state are then of
    /// no use, and further runs are refused.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// A copy of the parameters; empty once the engine is broken in the middle of an update.
    pub fn params(&self) -> Vec<f32> {
        self.workers[0].params.as_slice().to_vec()
    }

    /// A copy of the optimiser's state: one vector, as long as the parameters, for each state
    /// buffer. Of several ranks all must call it: each has a part.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if another rank is lost.
    pub fn state(&self) -> Result<Vec<Vec<f32>>, EngineError> {
        let buffers = self.update.num_state_buffers();
        let num_params = self.cuts.last().map_or(0, |cut| cut.end);
        let mut state = vec![vec![0.0; num_params]; buffers];
        for segment in self.workers.iter().flat_map(|worker| &worker.owned) {
            for (which, flat) in state.iter_mut().enumerate() {
                let values = segment.state_buffer(which, buffers);
                let to = flat[segment.cut.clone()].iter_mut();
                to.zip(values).for_each(|(to, from)| *to = from);
            }
        }
        if let Some(ranks) = &self.roles.ranks {
            for flat in &mut state {
                gather_segments(ranks, &self.roles.places, flat)?;
            }
        }
        Ok(state)
    }

    /// Each rank's host, threads and cores; none for a process alone.
    pub fn rank_placements(&self) -> &[RankPlacement] {
        &self.roles.table
    }

    /// Takes over the optimiser's state, as [`Engine::state`] gave it.
    ///
    /// # Errors
    /// [`EngineError::Length`] if there are more or fewer buffers, or values in one.
    pub fn set_state(&mut self, state: &[Vec<f32>]) -> Result<(), EngineError> {
        let buffers = self.update.num_state_buffers();
        let check = |name, expected, got| {
            if expected == got {
                Ok(())
            } else {
                Err(EngineError::Length {
                    name,
                    expected,
                    got,
                })
            }
        };
        check("the list of state buffers", buffers, state.len())?;
        let num_params = self.cuts.last().map_or(0, |cut| cut.end);
        for values in state {
            check("a state buffer", num_params, values.len())?;
        }
        for segment in self.workers.iter_mut().flat_map(|worker| &mut worker.owned) {
            for (which, values) in state.iter().enumerate() {
                segment.set_state_buffer(which, buffers, values);
            }
        }
        Ok(())
    }
}

/// Fills `flat` with the segments of all ranks, of which each has its own.
fn gather_segments(
    ranks: &Ranks,
    places: &[SegmentPlace],
    flat: &mut [f32],
) -> Result<(), EngineError> {
    let of_rank = |rank| places.iter().filter(move |place| place.rank == rank);
    let own: Vec<f32> = of_rank(ranks.rank())
        .flat_map(|place| &flat[place.cut.clone()])
        .copied()
        .collect();
    let all = ranks.gather(bytemuck::cast_slice(&own))?;
    for (rank, bytes) in all.iter().enumerate() {
        let (chunks, _) = bytes.as_chunks();
        let mut values = chunks.iter().map(|&chunk| f32::from_ne_bytes(chunk));
        for to in of_rank(rank).flat_map(|place| place.cut.clone()) {
            flat[to] = values.next().unwrap_or(f32::NAN);
        }
    }
    Ok(())
}
