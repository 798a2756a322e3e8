//! A server of predictions: the newest weights of a run of the digits, for several threads at once.
//!
//! `cargo run --release --example serve -- RUN`: the folder of a run on the embedded digits, which
//! may still be training. A request is a line of 64 pixels, 0 to 255; the answer is the class.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use unisono::data::{Preparation, digits};
use unisono::nn::Predictor;
use unisono::run::RunFolder;

const THREADS: usize = 4;

/// All that a thread needs; the weights are shared.
#[derive(Clone)]
struct Server {
    predictor: Predictor,
    preparation: Preparation,
}

impl Server {
    fn answer(&self, request: &str) -> Result<String, Box<dyn Error>> {
        let pixels = request.split_whitespace().map(str::parse::<u8>);
        let pixels = pixels.collect::<Result<Vec<u8>, _>>()?;
        let rows = self.preparation.rows_of_pixels(&pixels)?;
        let classes = self.predictor.classify(rows.inputs().view())?;
        Ok(self.preparation.class(classes[0]))
    }

    fn serve(&self, connection: &TcpStream) -> std::io::Result<()> {
        let mut to = connection;
        for request in BufReader::new(connection).lines() {
            let answer = self.answer(&request?);
            writeln!(to, "{}", answer.unwrap_or_else(|error| error.to_string()))?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give the folder of a run")?;
    let run = RunFolder::read_only(folder)?;
    let server = Server {
        predictor: run.network()?.predictor()?,
        preparation: run.preparation()?.ok_or("the run's rows are synthetic")?,
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    for _ in 0..THREADS {
        let (listener, server) = (listener.try_clone()?, server.clone());
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let _ = server.serve(&connection);
            }
        });
    }
    println!("{THREADS} threads at {address}");
    let clients = [0, 1, 2, 3].map(|row| thread::spawn(move || request(address, row)));
    for (row, client) in clients.into_iter().enumerate() {
        let answer = client.join().expect("no client panics")?;
        print!("row {row} is taken for {answer}");
    }
    Ok(())
}

/// What the server takes a row of the test part for.
fn request(server: SocketAddr, row: usize) -> std::io::Result<String> {
    let test = digits().1;
    let pixels = test.inputs().row(row).mapv(|share| (255.0 * share).round());
    let mut connection = TcpStream::connect(server)?;
    let pixels: Vec<String> = pixels.iter().map(f32::to_string).collect();
    writeln!(connection, "{}", pixels.join(" "))?;
    let mut answer = String::new();
    BufReader::new(connection).read_line(&mut answer)?;
    Ok(answer)
}
