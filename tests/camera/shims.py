"""What real picamera2 misses on a machine without a camera: DRM, a DMA heap, a raw stream. Only for the test root.

libcamera's virtual pipeline is real, and so is picamera2; these four stand in for what only a Pi's kernel has.
"""

import mmap
import os
import sys
import types
import weakref
from typing import Any

LIVE: "weakref.WeakSet[Any]" = weakref.WeakSet()
"""Allocators that hold buffers."""


class _Named:
    """Any attribute is its own name."""

    def __getattr__(self, name: str) -> str:
        return name


def without_drm() -> None:
    """Let picamera2 import its preview, which is never used here."""
    module = types.ModuleType("pykms")
    vars(module).update(PixelFormat=_Named(), __getattr__=lambda _: None)
    sys.modules.setdefault("pykms", module)


class Sync:
    """Access to a buffer, as picamera2 asks for it."""

    def __init__(self, allocator: Any, buffer: Any, _: bool) -> None:
        self._map = allocator.maps[buffer]

    def __enter__(self) -> mmap.mmap:
        return self._map

    def __exit__(self, *_: object) -> None:
        return None


def install() -> Any:
    """Return `picamera2` with buffers in anonymous memory and no raw role. Import the product only after this."""
    without_drm()
    import libcamera
    import picamera2
    import picamera2.picamera2 as inner
    from picamera2.allocators.allocator import Allocator

    class Memory(Allocator):  # type: ignore[misc] # picamera2 has no types here
        """Frame buffers in anonymous memory, in place of /dev/dma_heap."""

        def __init__(self) -> None:
            super().__init__()
            self.maps: dict[Any, mmap.mmap] = {}
            self._buffers: dict[Any, list[Any]] = {}
            self._files: list[int] = []
            self.sync = Sync

        def __del__(self) -> None:
            # As picamera2's own does: it closes an allocator by forgetting it.
            self.close()

        def allocate(self, configuration: Any, _: Any) -> None:
            self.close()
            LIVE.add(self)
            for stream in configuration:
                rows = stream.stride * stream.size.height
                sizes = [rows, rows // 2] if str(stream.pixel_format) == "NV12" else [stream.frame_size]
                self._buffers[stream.stream] = [self._buffer(sizes) for _ in range(stream.buffer_count)]

        def _buffer(self, sizes: list[int]) -> Any:
            file = os.memfd_create("frame")
            os.ftruncate(file, sum(sizes))
            self._files.append(file)
            planes, offset = [], 0
            for size in sizes:
                plane = libcamera.FrameBuffer.Plane()
                plane.fd, plane.offset, plane.length = file, offset, size
                planes.append(plane)
                offset += size
            buffer = libcamera.FrameBuffer(planes)
            self.maps[buffer] = mmap.mmap(file, sum(sizes))
            return buffer

        def buffers(self, stream: Any) -> list[Any]:
            return self._buffers[stream]

        def close(self) -> None:
            for file in self._files:
                os.close(file)
            self._files, self._buffers, self.maps = [], {}, {}
            LIVE.discard(self)

    class Virtual(picamera2.Picamera2):  # type: ignore[misc] # picamera2 has no types here
        """picamera2 on a pipeline that has no raw stream."""

        def _get_raw_modes(self) -> list[dict[str, Any]]:
            stream = self.camera.generate_configuration([libcamera.StreamRole.VideoRecording]).at(0)
            return [{"format": str(stream.pixel_format), "size": (stream.size.width, stream.size.height)}]

    inner.DmaAllocator = Memory
    picamera2.Picamera2 = Virtual
    return picamera2
