//! The multi-layer perceptron of the paper.

use super::{Network, Shape, ShapeError, Stack};

/// [linear `fc{i}` - batch norm `bn{i}` - ReLU] for every hidden size, then a linear layer; without
/// hidden layers this is softmax regression.
pub fn mlp(
    input: Shape,
    hidden: &[usize],
    classes: usize,
    batch_norm: bool,
) -> Result<Network, ShapeError> {
    let mut stack = Stack::new(input, batch_norm);
    for (index, &width) in hidden.iter().enumerate() {
        let number = index + 1;
        stack.linear(&format!("fc{number}"), width)?;
        stack.norm(&format!("bn{number}"))?;
        stack.relu()?;
    }
    stack.linear(&format!("fc{}", hidden.len() + 1), classes)?;
    Ok(stack.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_mlp_has_its_number_of_parameters() -> Result<(), ShapeError> {
        let input = Shape { height: 28, width: 28, channels: 1 };
        let network = mlp(input, &[500, 350], 10, true)?;
        assert_eq!(network.layout.dimension(), 573_060);
        let names: Vec<_> = network.layout.parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names[..4], ["fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias"]);
        assert_eq!(names[8..], ["fc3.weight", "fc3.bias"]);
        Ok(())
    }
}
