//! Arguments of the program.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;

use super::chart_files::ChartArgs;
use super::choices::{SEARCHES, TRACKS, a_precision, a_preset};
use super::options::{
    DataArgs, EngineArgs, FromArgs, JsonArgs, TableArgs, TrainArgs, precision_help, ranges,
    reference_help,
};
use super::runs_args::{
    CompareArgs, EvalArgs, ExplainArgs, ExportArgs, GenerateArgs, ListArgs, PredictArgs,
};
use super::scaling_args::ScalingArgs;
use super::study_args::StudyCommand;

/// Data-parallel neural-network training on CPUs: the same bits for any number of threads.
#[derive(Debug, Parser)]
#[command(name = "unisono", version, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Train a network: by default a small one on the embedded handwritten digits
    Train(TrainCommand),
    /// Print the configuration of a training: every key, and what it means
    Config(ConfigArgs),
    /// List the runs in a folder
    List(ListArgs),
    /// Show the tensors of a run's model: shapes, norms, ranges
    Inspect {
        /// The run's folder; with @best, @last or @STEP behind it other weights than the newest
        run: PathBuf,

        #[command(flatten)]
        table: TableArgs,

        #[command(flatten)]
        json: JsonArgs,
    },
    /// Compare two runs: settings, results and weights
    Diff {
        /// A run's folder
        first: PathBuf,
        /// Another one
        second: PathBuf,

        #[command(flatten)]
        json: JsonArgs,
    },
    /// Compare several runs: results, settings that differ, and on one page their curves
    Compare(CompareArgs),
    /// Evaluate a run's model on its data
    Eval(EvalArgs),
    /// Classify files, or the rows of a run's own data: one line of JSON each
    Predict(PredictArgs),
    /// Continue a text with a run's language model
    Generate(GenerateArgs),
    /// Show which inputs of each row speak for its predicted class
    Explain(ExplainArgs),
    /// Export a run's weights for other programs
    Export(ExportArgs),
    /// Show hardware, chosen settings and measured peaks
    Doctor(JsonArgs),
    /// Print the completions of a shell: commands, flags and names that they take
    ///
    /// Bash reads those in ~/.local/share/bash-completion/completions/unisono, fish those in
    /// ~/.config/fish/completions/unisono.fish, zsh a file _unisono in a folder of its fpath;
    /// PowerShell and Elvish take them in their profile.
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write a page for man of every command into a folder: `man -l FILE` shows one
    Man(ManArgs),
    /// Inspect data files
    #[command(subcommand)]
    Data(DataCommand),
    /// Manage what trainings keep of decoded images
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Plot the learning rate over a training
    Schedule(ScheduleArgs),
    /// Suggest a learning rate: raise it step by step, and plot the loss
    LrRange(LrRangeArgs),
    /// Search settings: train with values from ranges in the configuration, and compare
    Tune(Box<TuneArgs>),
    /// Time training steps of a reference model on synthetic data
    Bench(BenchArgs),
    /// Measure how throughput scales with threads and processes; fit scaling laws, plot them
    Scaling(ScalingArgs),
    /// Study the effect of the batch size on training
    #[command(subcommand)]
    Study(Box<StudyCommand>),
}

#[derive(Debug, ClapArgs)]
pub(super) struct BenchArgs {
    // A reference model.
    #[arg(long, default_value = "mlp", value_name = "NAME", value_parser = a_preset(), help = reference_help())]
    pub(super) preset: String,

    // The precision of products.
    #[arg(long, default_value = "f32", value_name = "NAME", value_parser = a_precision(), help = precision_help())]
    pub(super) precision: String,

    /// Rows of a global batch
    #[arg(long, default_value_t = 128, value_name = "ROWS", value_parser = ranges::rows())]
    pub(super) batch_size: usize,

    /// Timed steps
    #[arg(long, default_value_t = 50, value_parser = ranges::whole::<usize>(1, 1_000_000))]
    pub(super) steps: usize,

    /// Untimed steps before them
    #[arg(long, default_value_t = 5, value_parser = ranges::whole::<usize>(0, 1_000_000))]
    pub(super) warmup: usize,

    #[command(flatten)]
    pub(super) engine: EngineArgs,

    /// Seed of the initial weights and of the data
    #[arg(long, default_value_t = 42, value_parser = ranges::any_whole::<u64>())]
    pub(super) seed: u64,

    /// Track a statistic of the shards' gradients: noise-scale
    #[arg(long, value_name = "NAME", value_parser = TRACKS.parser())]
    pub(super) track: Option<String>,

    /// Of several processes (mpirun): time their all-reduce beside MPI_Allreduce instead, by the size of
    /// the messages; in at most --steps rounds each
    #[arg(long)]
    pub(super) network: bool,

    #[command(flatten)]
    pub(super) table: TableArgs,

    /// Print one line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Trains, or resumes a training.
#[derive(Debug, ClapArgs)]
pub(super) struct TrainCommand {
    #[command(flatten)]
    pub(super) settings: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Save the run in this new folder: configuration, metrics, checkpoints, report
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(super) out: Option<PathBuf>,

    /// Resume the run in this folder, or from one of its checkpoints: it ends with the same weights
    /// as if it had never stopped
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "config")]
    pub(super) resume: Option<PathBuf>,

    /// With --resume: allow other settings than the run's; the weights then differ from those of an
    /// uninterrupted training
    #[arg(long, requires = "resume")]
    pub(super) allow_change: bool,

    /// Of several processes (mpirun): compare their weights after every so many steps, and name the
    /// one whose weights differ, as broken memory would make them
    #[arg(long, value_name = "STEPS", value_parser = ranges::whole::<std::num::NonZeroU64>(1, u64::MAX))]
    pub(super) check_replicas: Option<std::num::NonZeroU64>,

    /// With --folds: trainings in parallel, each on one thread; with 1 they run one after another on
    /// all threads, with the same weights. By default the usable cores, and 1 with --threads
    #[arg(long, value_name = "N", value_parser = ranges::whole::<usize>(1, 4_096))]
    pub(super) parallel_trials: Option<usize>,

    /// Show no progress: only settings, results, warnings and errors
    #[arg(long, conflicts_with = "json")]
    pub(super) quiet: bool,

    /// Print one line of JSON per event
    #[arg(long)]
    pub(super) json: bool,
}

/// Prints a configuration.
#[derive(Debug, ClapArgs)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    pub(super) settings: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Print the JSON schema of the configuration instead
    #[arg(long, conflicts_with = "json")]
    pub(super) schema: bool,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// Writes pages for man.
#[derive(Debug, ClapArgs)]
pub(super) struct ManArgs {
    /// The folder, such as ~/.local/share/man/man1, where `man unisono` finds them
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,

    /// Overwrite files of the same names, whatever they are
    #[arg(long)]
    pub(super) force: bool,
}

/// What to do with caches.
#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// Remove them: the next training decodes its images again
    Clear(CacheClearArgs),
}

/// Removes caches of decoded images.
#[derive(Debug, ClapArgs)]
pub(super) struct CacheClearArgs {
    /// The folder that holds them; by default the user's cache folder
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
}

/// What to do with data files.
#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Show what a file or folder holds: rows, shapes, ranges, classes
    Inspect(Box<InspectArgs>),
}

/// Inspects data files: read as `train` would read them, with the same flags.
#[derive(Debug, ClapArgs)]
#[command(
    mut_arg("data", |arg| arg.hide(true)),
    mut_arg("augment", |arg| arg.hide(true)),
    mut_arg("sampling", |arg| arg.hide(true))
)]
pub(super) struct InspectArgs {
    /// What `train --data` takes, or one IDX or NumPy file
    pub(super) path: PathBuf,

    #[command(flatten)]
    pub(super) data: DataArgs,

    /// Write a contact sheet of the first images of each class to this PNG file; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) sheet: Option<PathBuf>,

    /// Overwrite an existing file, whatever it is
    #[arg(long, requires = "sheet")]
    pub(super) force: bool,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// Searches settings.
#[derive(Debug, ClapArgs)]
pub(super) struct TuneArgs {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    /// The configuration, with ranges in the place of values: lr = { log = [1e-3, 1] }, momentum =
    /// { uniform = [0.5, 0.99] }, size = { choice = [16, 32, 64] }; --set takes such ranges too
    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Trainings, each with other values
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = ranges::whole::<usize>(1, 100_000))]
    pub(super) trials: usize,

    /// How values are searched: sobol (spread evenly), random, or halving: of sobol's trials the best
    /// third goes on, again and again, with three times the epochs
    #[arg(long, default_value = "sobol", value_name = "NAME", value_parser = SEARCHES.parser())]
    pub(super) search: String,

    /// Save trials, table, charts and the best configuration in this folder; the same command goes on
    /// where it was stopped
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Trainings in parallel, each on one thread, with the same outcomes; by default the usable
    /// cores, and 1 with --threads
    #[arg(long, value_name = "N", value_parser = ranges::whole::<usize>(1, 4_096))]
    pub(super) parallel_trials: Option<usize>,

    #[command(flatten)]
    pub(super) json: JsonArgs,

    #[command(flatten)]
    pub(super) table: TableArgs,
}

/// Plots learning rate and batch size over a training.
#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleArgs {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Rows of the training set; by default those of the training's own data
    #[arg(long, value_parser = ranges::rows())]
    pub(super) rows: Option<usize>,

    #[command(flatten)]
    pub(super) chart: ChartArgs,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// Raises the learning rate step by step and plots the loss.
#[derive(Debug, ClapArgs)]
pub(super) struct LrRangeArgs {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// The first learning rate
    #[arg(id = "lowest", long = "from", default_value_t = 1e-5, value_parser = ranges::POSITIVE.single())]
    pub(super) lowest: f32,

    /// The last learning rate
    #[arg(long, default_value_t = 10.0, value_parser = ranges::POSITIVE.single())]
    pub(super) to: f32,

    /// Steps between them
    #[arg(long, default_value_t = 100, value_parser = ranges::whole::<u32>(2, 1_000_000))]
    pub(super) steps: u32,

    #[command(flatten)]
    pub(super) chart: ChartArgs,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}
