//! Derivatives of a loss, as an objective hands them out.

use crate::linalg::Vector;

/// A mean loss with its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// Mean loss over the samples.
    pub loss: f64,
    /// Its gradient, as long as theta.
    pub gradient: Vector,
    /// The buffers after training has seen these samples.
    pub buffers: Vec<f64>,
}

/// The loss along a direction u at theta, to second order, and the terms of equation 2 of the paper.
///
/// With the loss l_i of every sample, g_i its gradient and g their mean: the Hessian of the mean loss
/// is H = C + g g' + R with C = mean_i (g_i - g)(g_i - g)' and, for the probability p_i of the
/// sample's own label, R = -mean_i (grad² p_i) / p_i. So u'Hu = u'Cu + (u'g)² + u'Ru.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Directional {
    /// L(theta).
    pub loss: f64,
    /// u'g.
    pub slope: f64,
    /// u'Hu.
    pub curvature: f64,
    /// u'Cu.
    pub covariance: f64,
    /// u'Ru.
    pub residual: f64,
}

/// How the losses l_i of samples change along a direction u, with their gradients g_i.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slopes {
    /// u'g, the mean of u'g_i.
    pub mean: f64,
    /// u'Cu, their variance, with the number of samples in the denominator.
    pub variance: f64,
}

impl From<&Directional> for Slopes {
    fn from(along: &Directional) -> Self {
        Self { mean: along.slope, variance: along.covariance }
    }
}
