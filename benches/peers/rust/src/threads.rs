//! Fixes the number of threads before a framework starts its pool.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Read by rayon, hence by burn; and by candle, which prefers the second.
const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// Returns if the environment already asks for `num_threads`, else replaces this process by itself
/// with the environment set.
///
/// # Errors
/// When the program cannot be started again.
pub fn ensure(num_threads: usize) -> io::Result<()> {
    let wanted = num_threads.to_string();
    if VARIABLES
        .iter()
        .all(|name| env::var(name).is_ok_and(|value| value == wanted))
    {
        return Ok(());
    }
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1));
    for name in VARIABLES {
        command.env(name, &wanted);
    }
    Err(command.exec())
}
