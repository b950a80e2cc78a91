//! How long a Dockerfile takes: parsing, expanding its words, lowering it to a graph.

fn main() {
    divan::main();
}
