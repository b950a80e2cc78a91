//! Images by the layers they share: a tree for people, a graph for Graphviz.

use std::collections::{BTreeMap, BTreeSet};

use oci::Digest;

use crate::images::sharing::Stack;
use crate::options::size;

/// A place in the tree: the layers up to here are the same in all images below.
#[derive(Default)]
struct Node<'a> {
    size: u64,
    /// In the order in which they were met.
    above: Vec<(Digest, Node<'a>)>,
    images: Vec<&'a Stack>,
}

impl<'a> Node<'a> {
    fn add(&mut self, stack: &'a Stack, layers: &[(Digest, u64)]) {
        let Some(((layer, size), rest)) = layers.split_first() else {
            self.images.push(stack);
            return;
        };
        let position = self.above.iter().position(|(known, _)| known == layer);
        let position = position.unwrap_or_else(|| {
            self.above.push((*layer, Node { size: *size, ..Node::default() }));
            self.above.len() - 1
        });
        self.above[position].1.add(stack, rest);
    }

    fn count(&self) -> usize {
        self.images.len() + self.above.iter().map(|(_, node)| node.count()).sum::<usize>()
    }
}

/// A tree: layers that always come together stand in one line, with what they take.
pub(crate) fn text(stacks: &[Stack], full_ids: bool) -> String {
    let mut root = Node::default();
    for stack in stacks {
        root.add(stack, &stack.layers);
    }
    let mut text = String::new();
    let id = |stack: &Stack| if full_ids { stack.id.to_string() } else { stack.id.short() };
    for image in &root.images {
        text.push_str(&format!("no layers{}\n", shown(image, &id)));
    }
    for (layer, node) in &root.above {
        branch(node, (*layer, ""), &id, &mut text);
    }
    let once: BTreeMap<Digest, u64> =
        stacks.iter().flat_map(|stack| stack.layers.iter().copied()).collect();
    let apart: u64 = stacks.iter().flat_map(|stack| &stack.layers).map(|(_, size)| size).sum();
    text.push_str(&format!(
        "\n{} in {}: {}; {} if none were shared\n",
        many(once.len(), "layer"),
        many(stacks.len(), "image"),
        size::show(once.values().sum()),
        size::show(apart)
    ));
    text
}

fn branch(
    start: &Node<'_>,
    (layer, indent): (Digest, &str),
    id: &dyn Fn(&Stack) -> String,
    text: &mut String,
) {
    let (mut node, mut last) = (start, layer);
    let (mut layers, mut bytes) = (1, start.size);
    while let ([(layer, next)], true) = (node.above.as_slice(), node.images.is_empty()) {
        (node, last) = (next, *layer);
        layers += 1;
        bytes += next.size;
    }
    let users = node.count();
    let shared = if users > 1 { format!(", shared by {users}") } else { String::new() };
    let line = format!("{} {} {}{shared}", last.short(), many(layers, "layer"), size::show(bytes));
    let images: String = node.images.iter().map(|image| shown(image, id)).collect();
    text.push_str(&format!("{line}{images}\n"));
    for (number, (layer, above)) in node.above.iter().enumerate() {
        let is_last = number + 1 == node.above.len();
        let (here, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        text.push_str(&format!("{indent}{here}"));
        branch(above, (*layer, &format!("{indent}{below}")), id, text);
    }
}

fn shown(image: &Stack, id: &dyn Fn(&Stack) -> String) -> String {
    let names = if image.names.is_empty() { "<none>".to_owned() } else { image.names.join(", ") };
    format!("  ● {names} ({})", id(image))
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A graph: a node for each layer over those below it, a box for each image.
pub(crate) fn dot(stacks: &[Stack]) -> String {
    let mut lines = BTreeSet::new();
    for (number, stack) in stacks.iter().enumerate() {
        let mut below: Option<String> = None;
        let mut path = String::new();
        for (layer, size) in &stack.layers {
            // The same layer over others is another node.
            path = Digest::of(format!("{path}{layer}").as_bytes()).short();
            let label = format!("{}\\n{}", layer.short(), size::show(*size));
            lines.insert(format!("  \"{path}\" [label=\"{label}\"];"));
            if let Some(below) = below {
                lines.insert(format!("  \"{below}\" -> \"{path}\";"));
            }
            below = Some(path.clone());
        }
        let name = match stack.names.is_empty() {
            true => stack.id.short(),
            false => stack.names.join("\\n").replace('"', "\\\""),
        };
        lines.insert(format!("  \"image {number}\" [shape=box, label=\"{name}\"];"));
        if let Some(below) = below {
            lines.insert(format!("  \"{below}\" -> \"image {number}\";"));
        }
    }
    let lines: Vec<String> = lines.into_iter().collect();
    format!("digraph images {{\n  rankdir=LR;\n{}\n}}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str, layers: &[(&str, u64)]) -> Stack {
        Stack {
            id: Digest::of(name.as_bytes()),
            names: vec![name.to_owned()],
            layers: layers.iter().map(|(it, size)| (Digest::of(it.as_bytes()), *size)).collect(),
        }
    }

    #[test]
    fn shared_layers_stand_once() {
        let stacks = [
            stack("base:1", &[("a", 1000), ("b", 2000)]),
            stack("app:1", &[("a", 1000), ("b", 2000), ("c", 10), ("d", 20)]),
            stack("app:2", &[("a", 1000), ("b", 2000), ("e", 5)]),
            stack("other:1", &[("x", 7)]),
        ];
        let text = text(&stacks, false);
        let short = |name: &str| Digest::of(name.as_bytes()).short();
        let wanted = format!(
            "{} 2 layers 3.00kB, shared by 3  ● base:1 ({})\n\
             ├─ {} 2 layers 30B  ● app:1 ({})\n\
             └─ {} 1 layer 5B  ● app:2 ({})\n\
             {} 1 layer 7B  ● other:1 ({})\n\n\
             6 layers in 4 images: 3.04kB; 9.04kB if none were shared\n",
            short("b"),
            short("base:1"),
            short("d"),
            short("app:1"),
            short("e"),
            short("app:2"),
            short("x"),
            short("other:1")
        );
        assert_eq!(text, wanted);
        let dot = dot(&stacks);
        assert_eq!(dot.matches(" -> ").count(), 8, "{dot}");
        assert!(dot.starts_with("digraph") && dot.contains("label=\"app:2\""));
    }
}
