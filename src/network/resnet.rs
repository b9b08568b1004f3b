//! Residual networks with pre-activation (He et al. 2016; Zagoruyko & Komodakis 2016).

use super::stack::check_parameters;
use super::{ConvolutionConfig, Network, Shape, ShapeError, Stack};

/// What the shortcut of a block that changes the shape sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Projection {
    /// The block's raw input, and only where the stride is 2.
    Raw,
    /// The input after its first norm and rectifier.
    Activated,
}

/// ResNet of depth 6n + 2: three stages of n blocks with 16, 32 and 64 filters.
///
/// Names: `pre_clf.0` convolution, `pre_clf.{1..3n}` blocks (`bn1`, `conv2`, `bn2`, `conv3`,
/// `shortcut.0`), `pre_clf.{3n+1}` norm, `fc`.
pub fn resnet(
    input: Shape,
    classes: usize,
    depth: usize,
    batch_norm: bool,
) -> Result<Network, ShapeError> {
    build(input, classes, blocks(depth, 2)?, 1, batch_norm, Projection::Raw)
}

/// Wide residual network of depth 6n + 4 with `widen` times the filters; the published default is
/// depth 28, widen 10. Names as in [`resnet`].
pub fn wide_resnet(
    input: Shape,
    classes: usize,
    depth: usize,
    widen: usize,
    batch_norm: bool,
) -> Result<Network, ShapeError> {
    build(input, classes, blocks(depth, 4)?, widen, batch_norm, Projection::Activated)
}

fn blocks(depth: usize, others: usize) -> Result<usize, ShapeError> {
    match depth.checked_sub(others).map(|layers| (layers / 6, layers % 6)) {
        Some((blocks @ 1.., 0)) => Ok(blocks),
        _ => {
            let (low, high) = (6 + others, 12 + others);
            let problem = format!("depth {depth}: must be 6n + {others}: {low}, {high}, ...");
            Err(ShapeError::new(problem))
        }
    }
}

fn build(
    input: Shape,
    classes: usize,
    blocks: usize,
    widen: usize,
    batch_norm: bool,
    projection: Projection,
) -> Result<Network, ShapeError> {
    let filters = [16, 32, 64].map(|filters: usize| filters.saturating_mul(widen));
    // Before as many blocks are built as would have all the parameters that are possible.
    let of_stages = filters.map(|filters| filters.saturating_mul(filters).saturating_mul(9));
    check_parameters(of_stages.into_iter().fold(0, usize::saturating_add).saturating_mul(blocks))?;
    let mut stack = Stack::new(input, batch_norm);
    stack.convolution("pre_clf.0", convolution(3, 1, 16))?;
    let mut index = 1;
    for (stage, filters) in filters.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("pre_clf.{index}");
            add_block(&mut stack, &name, filters, stride, projection)?;
            index += 1;
        }
    }
    stack.norm(&format!("pre_clf.{index}"))?;
    stack.relu()?;
    stack.global_average_pool()?;
    stack.linear("fc", classes)?;
    Ok(stack.finish())
}

fn convolution(kernel_size: usize, stride: usize, outputs: usize) -> ConvolutionConfig {
    ConvolutionConfig { kernel_size, stride, outputs, bias: false }
}

fn add_block(
    stack: &mut Stack,
    name: &str,
    filters: usize,
    stride: usize,
    projection: Projection,
) -> Result<(), ShapeError> {
    let is_projected = stride > 1 || stack.shape().channels != filters;
    let is_stem = is_projected && projection == Projection::Activated;
    let activate = |stack: &mut Stack, norm: &str| {
        stack.norm(&format!("{name}.{norm}"))?;
        stack.relu()
    };
    stack.residual(
        |stack| if is_stem { activate(stack, "bn1") } else { Ok(()) },
        |stack| {
            if !is_stem {
                activate(stack, "bn1")?;
            }
            stack.convolution(&format!("{name}.conv2"), convolution(3, stride, filters))?;
            activate(stack, "bn2")?;
            stack.convolution(&format!("{name}.conv3"), convolution(3, 1, filters))
        },
        |stack| {
            if !is_projected {
                return Ok(());
            }
            stack.convolution(&format!("{name}.shortcut.0"), convolution(1, stride, filters))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIFAR: Shape = Shape { height: 32, width: 32, channels: 3 };

    #[test]
    fn the_published_networks_have_their_numbers_of_parameters() -> Result<(), ShapeError> {
        let network = resnet(CIFAR, 10, 56, true)?;
        assert_eq!(network.layout.dimension(), 855_578);
        let has = |name: &str| network.layout.parameters.iter().any(|entry| entry.name == name);
        assert!(has("pre_clf.10.shortcut.0.weight") && has("pre_clf.28.bias") && has("fc.weight"));
        assert!(!has("pre_clf.1.shortcut.0.weight"));
        assert_eq!(wide_resnet(CIFAR, 10, 28, 10, true)?.layout.dimension(), 36_479_194);
        Ok(())
    }

    #[test]
    fn a_depth_that_cannot_be_is_refused_with_those_that_can() {
        let message = resnet(CIFAR, 10, 57, true).map_err(|error| error.to_string()).err();
        assert!(message.is_some_and(|text| text.contains("8, 14")));
    }
}
