import torch

from stc_pseudo.flow.training.synthetic_warps import known_flow_loss, random_flow
from stc_pseudo.nn.photometric import warp

SIZE = (64, 96)


def test_flows_move_by_more_than_a_few_pixels_and_less_than_the_frame():
    torch.manual_seed(0)
    length = torch.linalg.vector_norm(random_flow(64, SIZE), dim=1)
    assert 1 < length.mean() < SIZE[1] / 4
    assert length.max() < SIZE[1] / 2


def test_the_moved_frame_and_its_flow_belong_together():
    """A network that knows the flow has no loss; one that says zero has that of the motion."""
    frames = torch.rand(2, 3, *SIZE)
    torch.manual_seed(5)
    flow = random_flow(2, SIZE)

    def oracle(first, second):
        seen = warp(torch.ones_like(first[:, :1]), flow, "zeros") > 0.5
        torch.testing.assert_close((warp(second, flow, "zeros") * seen), first * seen)
        return [flow]

    torch.manual_seed(5)
    loss, figures = known_flow_loss(oracle, frames)
    assert loss == 0
    assert figures["known_epe"] == 0
    torch.manual_seed(5)
    loss, figures = known_flow_loss(lambda first, second: [torch.zeros_like(flow)], frames)
    assert loss > 1
    assert figures["known_epe"] > 1
