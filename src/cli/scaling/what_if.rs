//! `unisono scaling --simulate`: a training step on other machines than this one, or on many.

use serde_json::json;

use crate::engine::LinkCosts;
use crate::study::scaling::{Mode, Results, Scaling, ScalingError, Scenario, StepTimeline};

use crate::cli::config::all_reduce_named;
use crate::cli::error::{ArgError, CommandError, refused};
use crate::cli::scaling_args::{ScalingArgs, WhatIfArgs};
use crate::cli::stdout::json;
use crate::cli::units::{milliseconds, rate};

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
    say!(
        "preset: {} ({} parameters), batch {}",
        results.model(),
        results.num_params,
        scenario.rows
    );
    let one = results.rows()[0].throughput.value;
    print(&scenario, &step, one);
    json(|| {
        let rate = scenario.rows as f64 / step.step_s;
        json!({
            "preset": results.preset,
            "params": results.num_params,
            "batch": scenario.rows,
            "ranks": scenario.ranks,
            "threads": scenario.threads,
            "cores": scenario.cores,
            "folded_ms": 1e3 * step.folded_s,
            "reduced_ms": 1e3 * step.reduced_s,
            "updated_ms": 1e3 * step.updated_s,
            "step_ms": 1e3 * step.step_s,
            "sent_bytes": step.sent_bytes,
            "samples_per_s": rate,
            "times_the_base": rate / one,
            "is_measured": false,
        })
    });
    Ok(())
}

/// Ends each line of what nobody has measured.
const PREDICTED: &str = "(predicted, not measured)";

/// The step in its parts, and what comes of it; the base makes `one` rows a second.
fn print(scenario: &Scenario, step: &StepTimeline, one: f64) {
    // What is simulated.
    let Scenario { ranks, threads, .. } = *scenario;
    if ranks == 1 {
        say!("simulated threads: {threads}");
    } else {
        let link = &scenario.link;
        say!("simulated ranks: {ranks}");
        say!("simulated threads of each: {threads}");
        say!(
            "link: latency {:.2} us, {:.2} us a message, {:.2} Gbit/s {} (as given)",
            1e6 * link.latency_s,
            1e6 * link.message_s,
            link.gbit_per_s(),
            if link.is_duplex {
                "each way"
            } else {
                "both ways together"
            }
        );
    }
    if let Some(cores) = scenario.cores {
        say!("simulated cores: {cores}, of all ranks together");
    }
    // What it comes to.
    say!("slowest gradient: {}", milliseconds(1e3 * step.folded_s));
    say!("all reports: {}", milliseconds(1e3 * step.reduced_s));
    say!("last update: {}", milliseconds(1e3 * step.updated_s));
    if ranks > 1 {
        say!("bytes sent a step: {}", step.sent_bytes);
    }
    say!("step: {} {PREDICTED}", milliseconds(1e3 * step.step_s));
    let made = scenario.rows as f64 / step.step_s;
    let gain = made / one;
    say!(
        "throughput: {}, {gain:.2} times the base's {PREDICTED}",
        rate(made)
    );
}

fn scenario(args: &ScalingArgs) -> Result<Scenario, CommandError> {
    let WhatIfArgs {
        straggler,
        jitter,
        all_reduce,
        cores,
        ..
    } = &args.what_if;
    let ranks = one_number_of_ranks(&args.ranks)?;
    // One number of threads, of each rank.
    let list = args.threads.as_deref().unwrap_or("");
    let one_number = |_| refused("threads", "with --simulate, one number of at least 1", list);
    let threads: usize = list.trim().parse().map_err(one_number)?;
    let workers = threads.saturating_mul(ranks);
    let scenario = Scenario {
        ranks,
        threads,
        shards: workers.max(16),
        rows: args
            .batch_size
            .unwrap_or(workers.saturating_mul(BATCH_SIZE)),
        all_reduce: all_reduce_named(all_reduce)?,
        straggler: *straggler,
        jitter: *jitter,
        seed: args.seed,
        link: link(&args.what_if),
        cores: *cores,
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

fn link(args: &WhatIfArgs) -> LinkCosts {
    LinkCosts {
        latency_s: 1e-6 * args.link_latency_us,
        message_s: 1e-6 * args.link_message_us,
        byte_s: 8e-9 / args.link_gbit,
        is_duplex: !args.link_half_duplex,
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
