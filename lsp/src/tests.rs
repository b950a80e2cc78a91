//! Requests as a client asks them, each kind in a file of its own.

mod anything;
mod formatting;
mod graph;
mod hints;
mod links;
