"""Makes tests/parity/torch.safetensors: weights of a small ResNet and a small GPT as PyTorch writes them, with inputs and outputs."""

import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(7)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Block(4, 4, 1))
        self.layer2 = nn.Sequential(Block(4, 8, 2))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


class GptBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(d, bias=False)
        self.attn = nn.ModuleDict({"c_attn": nn.Linear(d, 3 * d, bias=False), "c_proj": nn.Linear(d, d, bias=False)})
        self.ln_2 = nn.LayerNorm(d, bias=False)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(d, 4 * d, bias=False), "c_proj": nn.Linear(4 * d, d, bias=False)})

    def forward(self, x):
        b, t, d = x.shape
        parts = self.attn["c_attn"](self.ln_1(x)).split(d, 2)
        q, k, v = (z.view(b, t, self.heads, d // self.heads).transpose(1, 2) for z in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn["c_proj"](y.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x))))


class Gpt(nn.Module):
    def __init__(self, vocabulary=11, context=6, d=8):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, d)
        self.wpe = nn.Embedding(context, d)
        self.h = nn.ModuleList(GptBlock(d, 2) for _ in range(2))
        self.ln_f = nn.LayerNorm(d, bias=False)

    def forward(self, x):
        y = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        for block in self.h:
            y = block(y)
        return self.ln_f(y) @ self.wte.weight.T


tensors = {}
for name, model, x in [
    ("resnet", ResNet(), torch.randn(3, 3, 8, 6)),
    ("gpt", Gpt(), torch.randint(0, 11, (3, 6))),
]:
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, 1.0, 0.2)
    for key, buffer in model.named_buffers():
        if key.endswith("running_mean"):
            buffer.normal_(0.0, 0.3)
        if key.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    model.eval()
    y = model(x).detach()
    for key, tensor in model.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            tensors[f"{name}.{key}"] = tensor
    # Images as unisono has them: (H, W, C).
    x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
    tensors[f"{name}.x"] = x.reshape(len(x), -1).to(torch.float32).contiguous()
    tensors[f"{name}.y"] = y.reshape(len(y), -1).contiguous()
path = pathlib.Path(__file__).with_name("torch.safetensors")
save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
print(len(tensors), "tensors,", path.stat().st_size, "bytes, torch", torch.__version__)
