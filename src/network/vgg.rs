//! VGG-11 (Simonyan & Zisserman 2014, configuration A) with a small classifier.

use super::{ConvolutionConfig, Head, Network, Shape, ShapeError, Stack};

/// Channels of the convolutions between max-pools.
const STAGES: [&[usize]; 5] = [&[64], &[128], &[256, 256], &[512, 512], &[512, 512]];

/// VGG-11. Convolutions, norms, rectifiers and pools are `features.{i}`, counted as one sequence;
/// the linear layers are `classifier.{1, 4, 6}`. `width` scales every number of channels.
pub fn vgg11(
    input: Shape,
    classes: usize,
    width: f64,
    batch_norm: bool,
    head: Head,
) -> Result<Network, ShapeError> {
    let scaled = |channels: usize| ((channels as f64 * width).round() as usize).max(1);
    let mut stack = Stack::new(input, batch_norm);
    let mut index = 0;
    for stage in STAGES {
        for &channels in stage {
            let outputs = scaled(channels);
            let config = ConvolutionConfig { kernel_size: 3, stride: 1, outputs, bias: true };
            stack.convolution(&format!("features.{index}"), config)?;
            index += 1;
            index += usize::from(stack.norm(&format!("features.{index}"))?);
            stack.relu()?;
            index += 1;
        }
        stack.max_pool(2)?;
        index += 1;
    }
    let first = match head {
        Head::Equal => 512,
        Head::Tapered => 1024,
    };
    // Dropout with rate 0 stood between the linear layers: it keeps its places in the names.
    stack.linear("classifier.1", scaled(first))?;
    stack.relu()?;
    stack.linear("classifier.4", scaled(512))?;
    stack.relu()?;
    stack.linear("classifier.6", classes)?;
    Ok(stack.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_vgg_has_its_number_of_parameters() -> Result<(), ShapeError> {
        let input = Shape { height: 32, width: 32, channels: 3 };
        let network = vgg11(input, 10, 1.0, true, Head::Equal)?;
        assert_eq!(network.layout.dimension(), 9_756_426);
        let names: Vec<_> = network.layout.parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names[4..6], ["features.4.weight", "features.4.bias"]);
        assert_eq!(network.layout.buffers[2].name, "features.5.running_mean");
        Ok(())
    }

    #[test]
    fn an_image_that_the_pools_do_not_divide_is_refused() {
        let input = Shape { height: 28, width: 28, channels: 1 };
        let message = vgg11(input, 10, 1.0, true, Head::Equal).map_err(|e| e.to_string()).err();
        assert!(message.is_some_and(|text| text.contains("7x7")));
    }
}
