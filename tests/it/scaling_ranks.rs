//! Scaling over several ranks in one process: every rank has the same results, of all cells.

use std::time::Duration;

use crate::support::on_ranks;
use unisono::engine::Ranks;
use unisono::nn::presets;
use unisono::study::scaling::{Analysis, Kind, Results, Scaling, ScalingError, table, table_head};

fn scaling(launched: Option<Ranks>) -> Scaling {
    Scaling {
        launched,
        ranks: vec![3, 1, 2],
        threads: vec![1, 2],
        batch_size: 48,
        budget: Duration::from_secs(4),
        half_width: 0.9,
        ..Scaling::new(presets::by_name("mlp_small").unwrap())
    }
}

#[test]
fn all_ranks_have_the_same_results_and_cells_of_one_batch_the_same_weights() {
    let all = on_ranks(3, |ranks| {
        let is_first = ranks.rank() == 0;
        let mut rounds = 0;
        let results = scaling(Some(ranks)).run(|round, _| rounds = round).unwrap();
        assert_eq!(rounds, if is_first { results.rounds() } else { 0 });
        results
    });
    let results = &all[0];
    assert!(all.iter().all(|other| other == results));
    // Each number of ranks with each number of threads.
    let grid = |kind: Kind| -> Vec<(usize, usize)> {
        let cells = results.cells.iter().filter(|cell| cell.kind == kind);
        cells.map(|cell| (cell.ranks, cell.threads)).collect()
    };
    let several = [(1, 2), (2, 1), (2, 2), (3, 1), (3, 2)];
    assert_eq!(grid(Kind::Base), [(1, 1)]);
    assert_eq!(grid(Kind::Strong), [&[(1, 1)], &several[..]].concat());
    assert_eq!(grid(Kind::Weak), several);
    assert_eq!(grid(Kind::PerWorker), several);
    assert_eq!(grid(Kind::AllReduce), [(3, 2); 2]);
    // The same bits, which one cell may break.
    assert_eq!(results.weights_sha256.len(), results.cells.len());
    assert_eq!(results.has_same_weights(), Some(true));
    let mut broken = results.clone();
    broken.weights_sha256[2] = "other".to_owned();
    assert_eq!(broken.has_same_weights(), Some(false));
    the_rows_are_of_all_ranks(results);
}

/// Efficiency is over the threads of all ranks, each of which has told its phases.
fn the_rows_are_of_all_ranks(results: &Results) {
    let analysis = Analysis::of(results);
    for row in &analysis.rows {
        let workers = row.cell.ranks * row.cell.threads;
        let expected = row.speedup.value / workers as f64;
        assert!((row.efficiency.value - expected).abs() < 1e-12);
    }
    for sample in &results.samples {
        let workers = results.cells[sample.cell].workers();
        assert_eq!(sample.phases_ms.len(), workers);
    }
    let (head, lines) = (table_head(&analysis.rows), table(&analysis.rows));
    assert_eq!(head[..4], ["cell", "ranks", "threads of each", "batch"]);
    let last = lines.last().unwrap();
    assert_eq!(last.len(), head.len());
    assert_eq!((last[1].as_str(), &last[2][..1]), ("3", "2"));
}

#[test]
fn ranks_that_cannot_be_or_differ_are_refused_by_name() {
    let error = scaling(None).cells().unwrap_err();
    assert!(matches!(error, ScalingError::Ranks { launched: 1, .. }));
    let refused = |ranks: Vec<usize>| {
        let launched = Ranks::in_process(2).pop();
        let scaling = Scaling {
            ranks,
            ..scaling(launched)
        };
        scaling.cells().unwrap_err().to_string()
    };
    assert!(refused(vec![1, 3]).starts_with("ranks must be numbers from 1 to 2, the processes"));
    assert!(refused(vec![]).contains("got []"));
    assert!(refused(vec![2, 2]).starts_with("the list of ranks has 2 twice"));
    // One measures at another batch size.
    let errors = on_ranks(3, |ranks| {
        let scaling = Scaling {
            batch_size: if ranks.rank() == 1 { 64 } else { 48 },
            ..scaling(Some(ranks))
        };
        scaling.run(|_, _| ()).unwrap_err().to_string()
    });
    // Whoever sees it first says so, and ends the others.
    for error in &errors {
        let has_both = error.contains("has a batch size of ") && error.contains("64");
        assert!(has_both, "{errors:?}");
    }
}

#[test]
fn an_error_of_one_rank_ends_the_measurement_of_all() {
    let errors = on_ranks(2, |ranks| {
        let scaling = Scaling {
            ranks: vec![1, 2],
            budget: Duration::from_nanos(1),
            ..scaling(Some(ranks))
        };
        scaling.run(|_, _| ()).unwrap_err().to_string()
    });
    assert!(errors[0].starts_with("a round of all "), "{errors:?}");
    assert!(errors[1].contains("a round of all "), "{errors:?}");
}
