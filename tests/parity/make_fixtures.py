#!/usr/bin/env python3
"""Makes tests/parity/fixtures.safetensors: small models in PyTorch, and what they compute.

    pip install torch==2.15.0 numpy safetensors && python tests/parity/make_fixtures.py

For each case NAME the file holds NAME.x (rows, flattened), NAME.t (targets), NAME.params (in unisono's layout: dense
(I, O), convolution (KH, KW, I, O), recurrent (I, G H), images (H, W, C)), NAME.y (outputs in evaluation mode), NAME.loss
and NAME.grad (training mode, mean loss), NAME.after (parameters and running statistics after ten steps of SGD with
momentum 0.9 on the whole batch), NAME.lr. tests/it/parity.rs builds the same models and compares.
"""
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import save_file

torch.manual_seed(7)
torch.set_num_threads(1)
out = {}


def identity(p):
    return p


def linear(p):
    return p.T if p.dim() == 2 else p


def conv(p):
    return {4: lambda: p.permute(2, 3, 1, 0), 3: lambda: p.permute(2, 1, 0), 1: lambda: p}[p.dim()]()


def layout_of(module):
    """[(parameter or buffer, conversion)] in unisono's order, for the modules that have a fixed one."""
    if isinstance(module, nn.Linear):
        return [(p, linear) for p in (module.weight, module.bias) if p is not None]
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        return [(p, conv) for p in (module.weight, module.bias) if p is not None]
    if isinstance(module, nn.BatchNorm2d):
        return [(p, identity) for p in (module.weight, module.bias, module.running_mean, module.running_var)]
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)):
        return [(p, identity) for p in (module.weight, getattr(module, "bias", None)) if p is not None]
    if isinstance(module, (nn.RNN, nn.GRU, nn.LSTM)):
        found = []
        for layer in range(module.num_layers):
            for end in ("", "_reverse") if module.bidirectional else ("",):
                for name in ("weight_ih", "bias_ih", "weight_hh", "bias_hh"):
                    found.append((getattr(module, f"{name}_l{layer}{end}"), linear))
        return found
    if isinstance(module, nn.MultiheadAttention):
        parts = (module.in_proj_weight, module.in_proj_bias, module.out_proj.weight, module.out_proj.bias)
        return [(p, linear) for p in parts]
    if isinstance(module, nn.Embedding):
        return [(module.weight, identity)]
    if hasattr(module, "layout"):
        return module.layout()
    return [entry for child in module.children() for entry in layout_of(child)]


def flat(tensors):
    return np.concatenate([t.detach().contiguous().reshape(-1).numpy() for t in tensors] or [np.zeros(0)])


def rows(x):
    """Images and sequences channels last, flattened."""
    if x.dim() == 4:
        x = x.permute(0, 2, 3, 1)
    return x.detach().reshape(x.shape[0], -1).contiguous()


def case(name, model, x, t, loss, lr=0.1, channels_first=False):
    entries = layout_of(model)
    assert sum(p.numel() for p, _ in entries if p.requires_grad) == sum(p.numel() for p in model.parameters()), name
    out[f"{name}.x"] = rows(x if not channels_first else x.transpose(1, 2)).to(torch.float32).numpy()
    out[f"{name}.t"] = t.reshape(t.shape[0], -1).to(torch.float32).numpy()
    out[f"{name}.params"] = flat(convert(p) for p, convert in entries)
    model.eval()
    y = model(x)
    if y.dim() == 3 and channels_first:
        y = y.transpose(1, 2)
    out[f"{name}.y"] = rows(y).numpy()
    model.train()
    value = loss(model(x), t)
    value.backward()
    zeros = lambda p: torch.zeros_like(p) if p.grad is None else p.grad
    out[f"{name}.loss"] = np.array([value.item()], dtype=np.float64)
    out[f"{name}.grad"] = flat(convert(zeros(p)) for p, convert in entries)
    # The running statistics have followed one forward pass already: start the ten steps anew.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(10):
        optimizer.zero_grad()
        loss(model(x), t).backward()
        optimizer.step()
    out[f"{name}.after"] = flat(convert(p) for p, convert in entries)
    out[f"{name}.lr"] = np.array([lr], dtype=np.float64)


def mse(y, t):
    return F.mse_loss(y.reshape(y.shape[0], -1), t)


def cross_entropy(y, t):
    return F.cross_entropy(y.reshape(-1, y.shape[-1]), t.reshape(-1))


def classes(n, c):
    return torch.randint(0, c, (n,))


# --- activations
FUNCTIONS = {
    "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.01), "elu": nn.ELU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid(),
    "softplus": nn.Softplus(), "silu": nn.SiLU(), "gelu": nn.GELU(), "gelu_tanh": nn.GELU(approximate="tanh"),
}
for name, function in FUNCTIONS.items():
    model = nn.Sequential(nn.Linear(5, 7), function, nn.Linear(7, 3))
    case(name, model, torch.randn(6, 5), torch.randn(6, 3), mse)


class Head(nn.Module):
    """A body, flattened channels last, and a dense layer to 3 outputs."""

    def __init__(self, body, features, images=True):
        super().__init__()
        self.body, self.images = body, images
        self.head = nn.Linear(features, 3)

    def forward(self, x):
        x = self.body(x)
        if x.dim() == 4:
            x = x.permute(0, 2, 3, 1)
        elif x.dim() == 3 and self.images:
            x = x.transpose(1, 2)
        return self.head(x.reshape(x.shape[0], -1))


# --- convolution and pooling; a convolution before each tests the input's gradient
first = lambda: nn.Conv2d(2, 4, 3, padding=1)
CONVS = {
    "conv_valid": (nn.Conv2d(4, 5, 3), 5 * 5 * 4),
    "conv_stride": (nn.Conv2d(4, 5, 3, stride=2, padding=1), 5 * 4 * 3),
    "conv_stride_over": (nn.Conv2d(4, 6, 2, stride=3), 6 * 2 * 2),
    "conv_dilation": (nn.Conv2d(4, 5, 3, dilation=2, padding=2), 5 * 7 * 6),
    "conv_groups": (nn.Conv2d(4, 6, 3, groups=2, padding=1), 6 * 7 * 6),
    "conv_depthwise": (nn.Conv2d(4, 4, 3, groups=4, padding=1, stride=2), 4 * 4 * 3),
    "conv_wide": (nn.Conv2d(4, 37, (1, 3), bias=False), 37 * 7 * 4),
    "max_pool": (nn.MaxPool2d(3, stride=2, padding=1), 4 * 4 * 3),
    "average_pool": (nn.AvgPool2d(3, stride=2, padding=1), 4 * 4 * 3),
    "adaptive_pool": (nn.AdaptiveAvgPool2d((3, 4)), 4 * 3 * 4),
    "global_pool": (nn.AdaptiveAvgPool2d((1, 1)), 4),
    "batch_norm": (nn.BatchNorm2d(4), 4 * 7 * 6),
    "group_norm": (nn.GroupNorm(2, 4), 4 * 7 * 6),
}
for name, (layer, features) in CONVS.items():
    model = Head(nn.Sequential(first(), layer), features)
    case(name, model, torch.randn(5, 2, 7, 6), torch.randn(5, 3), mse, lr=0.05)
model = Head(nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.Conv1d(4, 5, 3, stride=2)), 5 * 4)
case("conv1d", model, torch.randn(5, 3, 9), torch.randn(5, 3), mse, lr=0.05, channels_first=True)


# --- sequences
class Sequence(nn.Module):
    """A dense layer, a sequence layer, and a head over all positions."""

    def __init__(self, layer, features, positions=5):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.layer = layer
        self.head = nn.Linear(features * positions, 3)

    def forward(self, x):
        y = self.layer(self.first(x))
        y = y[0] if isinstance(y, tuple) else y
        return self.head(y.reshape(y.shape[0], -1))


class Attend(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        nn.init.normal_(self.attention.in_proj_bias)
        self.causal = causal

    def forward(self, x):
        mask = torch.triu(torch.full((x.shape[1], x.shape[1]), float("-inf")), 1) if self.causal else None
        return self.attention(x, x, x, attn_mask=mask, need_weights=False)[0]


SEQUENCES = {
    "layer_norm": (nn.LayerNorm(4), 4),
    "rms_norm": (nn.RMSNorm(4, eps=1e-5), 4),
    "rnn_tanh": (nn.RNN(4, 6, batch_first=True), 6),
    "rnn_relu": (nn.RNN(4, 6, nonlinearity="relu", batch_first=True), 6),
    "gru": (nn.GRU(4, 6, batch_first=True), 6),
    "lstm": (nn.LSTM(4, 6, batch_first=True), 6),
    "lstm_deep": (nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True), 10),
    "attention": (Attend(False), 4),
    "attention_causal": (Attend(True), 4),
}
for name, (layer, features) in SEQUENCES.items():
    for module in layer.modules():
        if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
            nn.init.normal_(module.weight)
    case(name, Sequence(layer, features), torch.randn(6, 5, 3), torch.randn(6, 3), mse, lr=0.05)


# --- the presets at small size
case("small_mlp", nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 4)),
     torch.randn(9, 12), classes(9, 4), cross_entropy)


class SmallLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 4, 5, padding=2)
        self.c2 = nn.Conv2d(4, 8, 5, padding=2)
        self.f1 = nn.Linear(8 * 2 * 2, 16)
        self.f2 = nn.Linear(16, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.f2(F.relu(self.f1(x.permute(0, 2, 3, 1).flatten(1))))


case("small_lenet", SmallLeNet(), torch.randn(6, 1, 8, 8), classes(6, 4), cross_entropy)


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.c1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(cout)
        self.c2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(cout)
        self.stride, self.pad = stride, (cout - cin) // 2

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(x + y)


class SmallResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.b = nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2))
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.blocks(F.relu(self.b(self.c(x)))).mean((2, 3)))


case("small_resnet", SmallResNet(), torch.randn(6, 3, 8, 8), classes(6, 4), cross_entropy, lr=0.02)


class SmallLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(11, 6)
        self.rnn = nn.LSTM(6, 8, batch_first=True)
        self.out = nn.Linear(8, 11)

    def forward(self, x):
        return self.out(self.rnn(self.emb(x))[0])


case("small_lstm", SmallLstm(), torch.randint(0, 11, (5, 7)), torch.randint(0, 11, (5, 7)), cross_entropy)


class GptBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.h = heads
        self.ln1 = nn.LayerNorm(d, bias=False)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.proj = nn.Linear(d, d, bias=False)
        self.ln2 = nn.LayerNorm(d, bias=False)
        self.fc1 = nn.Linear(d, 4 * d, bias=False)
        self.fc2 = nn.Linear(4 * d, d, bias=False)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (z.view(b, t, self.h, d // self.h).transpose(1, 2) for z in self.qkv(self.ln1(x)).split(d, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))


class SmallGpt(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.wte = nn.Embedding(11, d)
        self.wpe = nn.Embedding(7, d)
        self.blocks = nn.Sequential(*[GptBlock(d, 2) for _ in range(2)])
        self.ln = nn.LayerNorm(d, bias=False)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.3)

    def forward(self, x):
        h = self.blocks(self.wte(x) + self.wpe(torch.arange(x.shape[1])))
        return self.ln(h) @ self.wte.weight.T


case("small_gpt", SmallGpt(), torch.randint(0, 11, (5, 7)), torch.randint(0, 11, (5, 7)), cross_entropy, lr=0.05)

path = pathlib.Path(__file__).parent / "fixtures.safetensors"
arrays = {k: np.ascontiguousarray(v) for k, v in out.items()}
save_file(arrays, path, metadata={"torch": torch.__version__, "cases": ",".join(sorted({k.split(".")[0] for k in out}))})
print(len(out) // 8, "cases,", path.stat().st_size, "bytes, torch", torch.__version__)
