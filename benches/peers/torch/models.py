"""The reference workloads in PyTorch: models as in unisono's presets, synthetic batches."""
import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 65
POSITIONS = 64


def build(workload):
    """The model, and a function from a number of rows to a batch of inputs and targets."""
    model, inputs = {
        "mlp_small": lambda: (dense_net(64, 32, 10), (64,)),
        "mlp": lambda: (dense_net(784, 1024, 1024, 10), (784,)),
        "lenet": lambda: (lenet(), (1, 28, 28)),
        "resnet20": lambda: (ResNet20(), (3, 32, 32)),
        "lstm": lambda: (CharacterLstm(), None),
        "gpt": lambda: (Gpt(), None),
    }[workload]()
    return model, tokens if inputs is None else lambda rows: images(rows, inputs)


def images(rows, shape):
    return torch.randn(rows, *shape), torch.randint(0, 10, (rows,))


def tokens(rows):
    """Each position's target is the next token."""
    text = torch.randint(0, VOCABULARY, (rows, POSITIONS + 1))
    return text[:, :-1].contiguous(), text[:, 1:].contiguous()


def dense_net(*widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 1024), nn.ReLU(), nn.Linear(1024, 10),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm; the shortcut is subsampled and padded with zero channels
    (He et al. 2015, option A)."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels),
        )
        self.stride = stride
        self.padding = (channels - channels_in) // 2

    def forward(self, x):
        short = x
        if self.stride > 1:
            step = self.stride
            short = F.pad(x[:, :, ::step, ::step], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(short + self.body(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        stages = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1),
                  (32, 64, 2), (64, 64, 1), (64, 64, 1)]
        self.body = nn.Sequential(*stem, *(Residual(*stage) for stage in stages))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class CharacterLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 128)
        self.lstm = nn.LSTM(128, 256, batch_first=True)
        self.head = nn.Linear(256, VOCABULARY)

    def forward(self, x):
        hidden, _ = self.lstm(self.embedding(x))
        return self.head(hidden)


class Block(nn.Module):
    """Pre-norm causal attention and a GELU network of four times the width, no biases."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.projections = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.network = nn.Sequential(
            nn.LayerNorm(width, bias=False), nn.Linear(width, 4 * width, bias=False), nn.GELU(),
            nn.Linear(4 * width, width, bias=False),
        )

    def forward(self, x):
        rows, positions, width = x.shape
        parts = self.projections(self.attention_norm(x)).chunk(3, dim=-1)
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(rows, positions, width))
        return x + self.network(x)


class Gpt(nn.Module):
    """Four blocks of width 128 with four heads; the head shares the embedding's weights."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 128)
        self.positions = nn.Embedding(POSITIONS, 128)
        self.body = nn.Sequential(*(Block(128, 4) for _ in range(4)), nn.LayerNorm(128, bias=False))
        self.head = nn.Linear(128, VOCABULARY, bias=False)
        self.head.weight = self.embedding.weight
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x):
        places = torch.arange(x.shape[1])
        return self.head(self.body(self.embedding(x) + self.positions(places)))
