//! The multi-layer perceptron of the paper.

use super::{BatchNorm, Layer, Layout, Linear, Network, Relu, Shape};

/// [linear `fc{i}` - batch norm `bn{i}` - ReLU] for every hidden size, then a linear layer; without
/// hidden layers this is softmax regression.
pub fn mlp(input: Shape, hidden: &[usize], classes: usize, batch_norm: bool) -> Network {
    let mut layout = Layout::default();
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    let mut shape = input;
    for (index, &width) in hidden.iter().enumerate() {
        let number = index + 1;
        layers.push(Box::new(Linear::new(&mut layout, &format!("fc{number}"), shape, width)));
        if batch_norm {
            layers.push(Box::new(BatchNorm::new(&mut layout, &format!("bn{number}"), width)));
        }
        layers.push(Box::new(Relu));
        shape = Shape::flat(width);
    }
    let name = format!("fc{}", hidden.len() + 1);
    layers.push(Box::new(Linear::new(&mut layout, &name, shape, classes)));
    Network::new(layout, input, classes, layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_mlp_has_its_number_of_parameters() {
        let input = Shape { height: 28, width: 28, channels: 1 };
        let network = mlp(input, &[500, 350], 10, true);
        assert_eq!(network.layout.dimension(), 573_060);
        let names: Vec<_> = network.layout.parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names[..4], ["fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias"]);
        assert_eq!(names[8..], ["fc3.weight", "fc3.bias"]);
    }
}
