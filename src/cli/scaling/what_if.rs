//! `unisono scaling --simulate`: a training step on other machines than this one.

use crate::study::scaling::{Mode, Network, Results, Scaling, ScalingError, Scenario};

use crate::cli::args::{ScalingArgs, WhatIfArgs};
use crate::cli::config::all_reduce_named;
use crate::cli::error::{ArgError, CommandError, refused};

use super::settings::{BATCH_SIZE, measured, settings};

pub(super) fn what_if(args: &ScalingArgs) -> Result<(), CommandError> {
    let scenario = scenario(args)?;
    let results = results(args)?;
    // Constants of a step, measured here or before.
    let costs = results
        .costs(&results.all_rounds())
        .ok_or_else(|| ScalingError::Scenario {
            what: "the results",
            expected: "of strong scaling on one thread and on several".to_owned(),
            got: results.command.clone(),
        })?;
    let scenario = Scenario {
        params: results.num_params,
        ..scenario
    };
    let step = scenario.simulate(&costs)?;
    // The step in its parts, and what comes of it.
    let one = results.rows()[0].throughput.value;
    let rate = scenario.rows as f64 / step.step_s;
    let (preset, params) = (&results.preset, results.num_params);
    say!(
        "preset: {preset} ({params} parameters), batch {}",
        scenario.rows
    );
    say!("simulated threads: {}", scenario.threads);
    say!("slowest gradient: {:.4} ms", 1e3 * step.folded_s);
    say!("all reports: {:.4} ms", 1e3 * step.reduced_s);
    say!("last update: {:.4} ms", 1e3 * step.updated_s);
    say!("step: {:.4} ms (prediction)", 1e3 * step.step_s);
    let gain = rate / one;
    say!("throughput: {rate:.0} rows a second, {gain:.2} times the base's (prediction)");
    Ok(())
}

fn scenario(args: &ScalingArgs) -> Result<Scenario, CommandError> {
    let WhatIfArgs {
        straggler,
        jitter,
        all_reduce,
        alpha,
        network,
        ..
    } = &args.what_if;
    let ranks = &one_number_of_ranks(&args.ranks)?;
    // One number of threads, and a network that could be.
    let list = args.threads.as_deref().unwrap_or("");
    let one_number = |_| refused("threads", "with --simulate, one number of at least 1", list);
    let threads: usize = list.trim().parse().map_err(one_number)?;
    let scenario = Scenario {
        threads,
        shards: threads.max(16),
        rows: args
            .batch_size
            .unwrap_or(threads.saturating_mul(BATCH_SIZE)),
        all_reduce: all_reduce_named(all_reduce)?,
        straggler: *straggler,
        jitter: *jitter,
        seed: args.seed,
        network: (*ranks != 1).then_some(Network {
            ranks: *ranks,
            message_s: alpha * 1e-6,
            byte_s: 1e-9 / network,
        }),
        ..Scenario::default()
    };
    scenario.check()?;
    Ok(scenario)
}

/// 1 where none is given.
fn one_number_of_ranks(list: &[usize]) -> Result<usize, ArgError> {
    match list {
        [] => Ok(1),
        &[ranks] => Ok(ranks),
        several => {
            let got = several.iter().map(usize::to_string);
            let got = got.collect::<Vec<_>>().join(",");
            Err(refused(
                "ranks",
                "with --simulate, one number of at least 1",
                &got,
            ))
        }
    }
}

/// Those that are named, or such as are measured for it.
fn results(args: &ScalingArgs) -> Result<Results, CommandError> {
    if let Some(folder) = &args.what_if.results {
        return Ok(Results::read(folder)?);
    }
    let one = ScalingArgs {
        threads: None,
        ranks: Vec::new(),
        ..args.clone()
    };
    let settings = settings(&one, None)?;
    Ok(measured(&Scaling {
        threads: vec![1, 2],
        modes: vec![Mode::Strong],
        ..settings
    })?)
}
