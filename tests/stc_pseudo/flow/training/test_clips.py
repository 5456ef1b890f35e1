import cv2
import numpy as np
import pytest
import torch

from stc_pseudo.datasets.flow_maps import write_flo, write_kitti_flow
from stc_pseudo.flow.training.clips import FlowClips, find_truth, finest_size, mirror, read_truth
from stc_pseudo.flow.training.losses import mean_error, true_flow_loss
from stc_track.io.errors import InputError

SIZE = (48, 96)


def write_pfm(path, flow):
    """(2, H, W) as the Portable Float Map of FlyingThings3D: rows from the bottom, three floats a pixel."""
    rows = np.concatenate([flow, np.zeros_like(flow[:1])]).transpose(1, 2, 0)[::-1].astype("<f4")
    path.write_bytes(b"PF\n%d %d\n-1.0\n" % (flow.shape[2], flow.shape[1]) + rows.tobytes())


@pytest.fixture
def video(tmp_path):
    """Four frames in `frames/0007`, and the flow of the first and the third, the top half not known."""
    rng = np.random.default_rng(0)
    (tmp_path / "frames" / "0007").mkdir(parents=True)
    (tmp_path / "flow" / "0007").mkdir(parents=True)
    frames = [tmp_path / "frames" / "0007" / f"{t:06d}.png" for t in range(4)]
    for frame in frames:
        cv2.imwrite(str(frame), rng.integers(0, 256, (*SIZE, 3), np.uint8))
    flow = np.zeros((2, *SIZE), np.float32)
    flow[0], flow[1] = 6, -2
    flow[:, : SIZE[0] // 2] = np.nan
    write_kitti_flow(tmp_path / "flow" / "0007" / "000000.png", flow)
    write_flo(tmp_path / "flow" / "0007" / "000002.flo", flow)
    return frames


def start(first, second, both):
    """Plays a DIS initialisation: forward 8 pixels right, backward 4 left, consistent everywhere."""
    assert both
    assert first.shape == second.shape == (1, 3, *SIZE)
    assert 0 <= first.min() < first.max() <= 1
    flow = torch.zeros(2, 3, *SIZE)
    flow[0, 0], flow[1, 0], flow[:, 2] = 8, -4, 1
    return flow


def test_starts_are_kept_as_far_as_the_memory_reaches(video, tmp_path):
    """Three clips of 2.2 KB and, with truth, 9.1 KB; what is not kept is found again, and is the same."""
    calls = []

    def counted(first, second, both):
        calls.append(1)
        return start(first, second, both)

    truth = find_truth([video], tmp_path / "flow", "--true-flow")
    unlimited = FlowClips([video], (24, 48), augment=False, start=start, truth=truth)
    expected = [unlimited[index] for index in range(len(unlimited))]
    clips = FlowClips([video], (24, 48), augment=False, start=counted, truth=truth, memory=10_000)
    for _ in range(3):
        for index, item in enumerate(expected):
            again = clips[index]
            assert all(torch.equal(again[key], item[key]) for key in {"start", "truth"} & item.keys())
    assert sum(value.nbytes for flows in clips.kept.values() for value in flows.values()) <= 10_000
    assert 0 < len(clips.kept) < len(clips)
    assert len(calls) > len(clips)


def test_items_carry_start_and_truth_in_pixels_of_their_own_size(video, tmp_path):
    truth = find_truth([video], tmp_path / "flow", "--true-flow")
    clips = FlowClips([video], (24, 48), augment=False, start=start, truth=truth)
    assert clips.with_truth() == [0, 2]
    item = clips[0]
    assert item["frames"].shape == (2, 3, 24, 48)
    assert item["start"].shape == (2, 3, 6, 12)
    assert (item["start"][0] == torch.tensor([1.0, 0, 1])[:, None, None]).all()
    assert (item["start"][1] == torch.tensor([-0.5, 0, 1])[:, None, None]).all()
    assert (item["truth"][:, 12:] == torch.tensor([3.0, -1, 1])[:, None, None]).all()
    assert (item["truth"][2, :12] == 0).all()
    assert "truth" not in clips[1]


def test_flipped_clips_have_mirrored_flows(video, tmp_path):
    clips = FlowClips([video], SIZE, start=start, truth=find_truth([video], tmp_path / "flow", "--true-flow"))
    torch.manual_seed(0)
    seen = {bool(item["flipped"]): item for item in (clips[0] for _ in range(12))}
    assert (seen[False]["start"][0, 0] == 2).all()
    assert (seen[True]["start"][0, 0] == -2).all()
    assert (seen[True]["truth"][0, SIZE[0] // 2 :] == -6).all()
    assert (seen[True]["truth"][1, SIZE[0] // 2 :] == -2).all()
    assert (seen[False]["start"][0, 0] == 2).all()  # what is kept was not touched


def test_mirror_turns_what_is_left_to_the_right():
    flow = torch.arange(6.0).view(3, 1, 2)
    assert mirror(flow).tolist() == [[[-1, 0]], [[3, 2]], [[5, 4]]]
    assert flow[0, 0, 1] == 1


def test_truth_in_each_format(video, tmp_path):
    flow = np.random.default_rng(1).normal(size=(2, *SIZE)).astype(np.float32)
    for suffix, write in ((".npy", np.save), (".flo", write_flo), (".pfm", write_pfm)):
        write(tmp_path / f"map{suffix}", flow)
        found = read_truth(video[0], tmp_path / f"map{suffix}")
        np.testing.assert_allclose(found[:2].numpy(), flow)
        assert (found[2] == 1).all()


def test_bad_truth_is_named(video, tmp_path):
    with pytest.raises(InputError, match="--true-flow"):
        find_truth([video], tmp_path / "nowhere", "--true-flow")
    with pytest.raises(InputError, match="found none"):
        find_truth([video[1:2]], tmp_path / "flow", "--true-flow")
    write_flo(tmp_path / "small.flo", np.zeros((2, 4, 6), np.float32))
    with pytest.raises(InputError, match=r"96x48 pixels.*found 6x4"):
        read_truth(video[0], tmp_path / "small.flo")


@pytest.mark.parametrize(
    ("size", "finest"), [((64, 128), (16, 32)), ((66, 129), (17, 33))], ids=["a multiple of 4", "no multiple of 4"]
)
def test_finest_size(size, finest):
    assert finest_size(size) == finest


def test_true_flow_loss_counts_each_level_in_its_own_pixels_where_truth_is_known():
    truth = torch.zeros(1, 3, 16, 32)
    truth[0, 0, :, 16:], truth[0, 2, :, 16:] = 8, 1
    right = [torch.zeros(1, 2, 4, 8), torch.zeros(1, 2, 16, 32)]
    right[0][0, 0, :, 4:], right[1][0, 0, :, 16:] = 2, 8
    assert true_flow_loss(right, truth) == 0
    assert mean_error(right[1], truth) == 0
    right[0][0, 1] += 3
    right[1][0, :, :, :16] = 50  # where nothing is known
    torch.testing.assert_close(true_flow_loss(right, truth), torch.tensor(3.0))
    assert float(mean_error(right[0], truth)) == pytest.approx(3)
    torch.testing.assert_close(true_flow_loss(right, truth, robustly=True), torch.tensor(3.01**0.4 + 0.01**0.4))
    assert true_flow_loss(right, torch.zeros(1, 3, 16, 32)) == 0
