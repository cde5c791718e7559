"""A Canvas network that was never trained: random weights, drawn so that it is worth looking at.

It paints at once, without any file: the condition shines through the skips, and w colours it. The
weights come from numpy's legacy generator, whose stream never changes, so that one seed gives one
network with every version of torch.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import schedule
from model.alias_free import AliasFreeLayer
from model.canvas import Canvas
from model.encoder import BatchNorm, Convolution
from model.layers import Affine
from model.mapping import Mapping
from model.schedule import Variant

# How much of a 3x3 kernel lies beside its middle: less keeps contours sharp, more lets them flow.
SPREAD = 0.35
BIAS = 0.4
# How far w moves the styles: freely in the coarse layers, little in those that set the colours.
FIRST_SWING, LAST_SWING = 0.6, 0.2
# Standard deviations of the picture, of 2 between black and white.
BRIGHTNESS, COLOUR = 0.36, 0.24
SAMPLES = 6
RIDGE=1e-4
CONTRAST=1.3


def untrained(
    seed: int,
    *,
    resolution: int = 256,
    condition_size: int | None = None,
    channel_base: int = 2048,
    channel_max: int = 32,
    variant: Variant = "t",
) -> Canvas:
    """A Canvas network with random weights, ready to play in float32 on the CPU.

    Args:
        seed: 0 … 2**32 - 1.
        resolution: pixels of the native picture's side.
        condition_size: pixels of the native condition's side; None is the resolution.
        channel_base, channel_max: the budget, see `schedule.canvas`.
    """
    config = schedule.canvas(
        resolution, channel_base, channel_max, condition_size=condition_size, variant=variant
    )
    network = Canvas(config)
    network.eval().requires_grad_(False)
    random = np.random.RandomState(seed)
    for module in network.modules():
        _draw(module, random)
    _let_w_in(network, random)
    _balance(network, random)
    return network


def _normal(random: np.random.RandomState, *shape: int) -> Tensor:
    return torch.from_numpy(random.standard_normal(shape)).to(torch.float32)


def _draw(module: nn.Module, random: np.random.RandomState) -> None:
    """Weights of unit variance where the learning rate is equalised, of unit gain elsewhere."""
    match module:
        case AliasFreeLayer() | Convolution():
            weight = _normal(random, *module.weight.shape)
            module.weight.copy_(weight * _focus(weight.shape[-1]))
            module.bias.copy_(BIAS * _normal(random, *module.bias.shape))
        case nn.Linear() | nn.Conv2d():
            fan_in = module.weight[0].numel()
            module.weight.copy_(_normal(random, *module.weight.shape) / math.sqrt(fan_in))
            nn.init.zeros_(module.bias) if module.bias is not None else None
        case Mapping():
            for layer in module.children():
                drawn = _normal(random, *layer.weight.shape)
                layer.weight.copy_(drawn / module.config.learning_rate_multiplier)


def _focus(kernel: int) -> Tensor:
    """1 in the middle of a kernel, `SPREAD` around it."""
    weights = torch.full((kernel, kernel), SPREAD)
    weights[kernel // 2, kernel // 2] = 1.0
    return weights


def _let_w_in(network: Canvas, random: np.random.RandomState) -> None:
    layers = [module for module in network.synthesis.children() if isinstance(module, AliasFreeLayer)]
    for layer, swing in zip(layers, np.linspace(FIRST_SWING, LAST_SWING, len(layers)), strict=True):
        layer.affine.weight.copy_(swing * _normal(random, *layer.affine.weight.shape))
    latents = network.mapping(_normal(random, 256, network.config.z_dim))
    network.mapping.w_avg.copy_(latents[:, 0].mean(0))


def _balance(network: Canvas, random: np.random.RandomState) -> None:
    """Set every normalisation, and the colours, by painting made-up conditions once."""
    condition = _clouds(random, network.config.encoder.size[0])
    z = _normal(random, SAMPLES, network.config.z_dim)
    hooks = [
        module.register_forward_pre_hook(_measure)
        for module in network.modules()
        if isinstance(module, BatchNorm | AliasFreeLayer)
    ]
    last, rgb = (layer.name for layer in network.config.synthesis[-2:])
    with torch.no_grad():
        code = network.encoder(condition)
        w = network.mapping(z)
        _, kept = network.synthesis(w, code, features=[last])
    for hook in hooks:
        hook.remove()
    layer = getattr(network.synthesis, rgb)
    HUE[0]=random.uniform(0,6.28);hue=torch.eye(3)
    target = torch.einsum("rc,nchw->nrhw", hue, condition)
    _solve(layer, kept[last]*layer.affine(w[:, -1])[:, :, None, None], target, network.config.output_scale)


def _solve(layer, x, target, scale):
    x = F.adaptive_avg_pool2d(x, 64).double()/ math.sqrt(x.shape[1])*layer.magnitude_ema.double().rsqrt(); target=F.adaptive_avg_pool2d(target,64).double()
    m = x.mean([2,3],keepdim=True)
    d = (x-m).movedim(1,-1).flatten(0,2)
    within = d.T@d/len(d)
    mm=m[:,:,0,0]; mm=mm-mm.mean(0)
    between = mm.T@mm/len(mm)
    B = between + within*0.02
    L = torch.linalg.cholesky(B); Li=torch.linalg.inv(L)
    ev,vec = torch.linalg.eigh(Li@within@Li.T)
    V = Li.T@vec[:,-3:].flip(1)   # C,3
    lum = (target-target.mean([2,3],keepdim=True)).mean(1).flatten()
    proj = d@V
    sd = ((V.T@(within+between)@V).diagonal()).sqrt()
    sign = torch.sign((proj*lum[:,None]).sum(0))
    print(ev, (proj*lum[:,None]).mean(0)/sd/lum.std())
    V = V*sign/sd
    mix=_palette(HUE[0]).double()/scale
    W = (V@mix.T)  # C,3
    layer.weight.copy_(W.T[:,:,None,None])
    layer.bias.copy_(-(x.mean([0,2,3])@W))

HUE=[0]
def _palette(hue: float) -> Tensor:
    """Red, green and blue of a brightness and of two opponent colours turned by ``hue``: [3, 3]."""
    angles = hue + 2 * math.pi / 3 * torch.arange(3)
    colours = COLOUR * torch.stack([angles.cos(), angles.sin()], 1)
    return torch.cat([torch.full((3, 1), BRIGHTNESS), colours], 1)


def _hue(angle):
    luma=torch.full((3,3),1/3)
    c=math.cos(angle);s_=math.sin(angle)
    # rotation about grey axis
    k=torch.full((3,),1/math.sqrt(3)); K=torch.tensor([[0,-1,1],[1,0,-1],[-1,1,0]])/math.sqrt(3)
    return c*torch.eye(3)+(1-c)*torch.outer(k,k)+s_*K


def _measure(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    match module:
        case BatchNorm():
            variance, mean = torch.var_mean(inputs[0], [0, 2, 3])
            module.running_mean.copy_(mean)
            module.running_var.copy_(variance)
        case AliasFreeLayer():
            module.magnitude_ema.copy_(inputs[0].square().mean())


def _clouds(random: np.random.RandomState, side: int) -> Tensor:
    """Smooth random pictures [SAMPLES, 3, side, side], with more in the large than in the small."""
    octaves = [
        F.interpolate(_normal(random, SAMPLES, 3, cells, cells), (side, side), mode="bicubic")
        for cells in (3, 12, 48)
    ]
    return (0.5 * octaves[0] + 0.25 * octaves[1] + 0.15 * octaves[2]).clamp(-1, 1)


def _mix_colours(network: Canvas, painted: Tensor, random: np.random.RandomState) -> None:
    """Make of the three channels painted a brightness and two opponent colours."""
    deviation, mean = painted.std([2, 3]).mean(0), painted.mean([0, 2, 3])
    mix = _palette(random.uniform(0, 2 * math.pi)) / deviation
    rgb = getattr(network.synthesis, network.config.synthesis[-1].name)
    rgb.weight.copy_(torch.einsum("rc,cikl->rikl", mix, rgb.weight))
    rgb.bias.copy_(mix @ (rgb.bias - mean / network.config.output_scale))


def _palette(hue: float) -> Tensor:
    """Red, green and blue of a brightness and of two opponent colours turned by ``hue``: [3, 3]."""
    angles = hue + 2 * math.pi / 3 * torch.arange(3)
    colours = COLOUR * torch.stack([angles.cos(), angles.sin()], 1)
    return torch.cat([torch.full((3, 1), BRIGHTNESS), colours], 1)
