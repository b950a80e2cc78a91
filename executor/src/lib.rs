//! Graph of steps to images: keys, cache, steps in parallel, layers.
