//! Whole files to graphs: one table a topic.

mod config;
mod refusals;
mod steps;
