"""Data sources: where the labelled images come from. How they are decoded, split and batched lives in `cnnwiz.data`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from cnnwiz.catalog.choice import Choice
from cnnwiz.errors import CnnwizError

if TYPE_CHECKING:
    from cnnwiz.data.listing import Listing
    from cnnwiz.data.records import Records

Text = Annotated[str, Field(min_length=1, max_length=4096)]


class Facts(NamedTuple):
    """What is known about a source without reading an image; None where it cannot be told now."""

    classes: int | None
    channels: int  # 1 grey, 3 colour
    image_size: int | None  # side in pixels, where all images are squares of one size


class Source(Choice):
    """Where the labelled images come from."""

    section = "source"
    boxed: ClassVar[bool] = False
    """Whether its images come with boxes around objects, as task detect needs them, instead of one class each."""

    def facts(self) -> Facts:
        """Known at once, without reading images; never raises."""
        raise NotImplementedError(f"{type(self).__name__}.facts")

    def listing(self) -> "Listing | None":
        """The image files by split and class, where they are here and few enough to list at once; never raises."""
        return None

    def build(self) -> "Records":
        """The images and labels of each split; CnnwizError where they are missing or contradict themselves."""
        raise NotImplementedError(f"{type(self).__name__}.build")


class Digits(Source):
    """1,797 scanned handwritten digits, 8x8, grey, that scikit-learn carries; a fixed fifth of them is the test set.

    Use: to try cnnwiz without a download: a small network passes 97 % in ten seconds on a CPU.

    Avoid: to compare methods: 359 test images, so one point is under four images.

    Cost: 115 kB, no download.
    """

    key = "digits"
    papers = ("Alpaydin, Kaynak: UCI repository 1998",)

    def facts(self) -> Facts:
        return Facts(10, 1, 8)

    def build(self) -> "Records":
        from cnnwiz.data.arrays import read_digits

        return read_digits()


class Folder(Source):
    """One folder for each class. Sub-folders named train, val and test (or training_set, valid, ...) are the splits;
    without them all images are for training, and `data.validation` sets some aside.

    Use: your own images: JPEG, PNG, WebP, BMP, GIF, TIFF or PNM, of any size.

    Avoid: several labels to an image, or boxes. Links to folders and folders inside a class are not followed.

    Cost: each image is decoded once; what exceeds the memory is decoded again in each epoch.
    """

    key = "folder"

    path: Text = Field(description="folder, from the current directory")
    train: Text | None = Field(default=None, description="folder of the training images, from `path`")
    validation: Text | None = Field(default=None, description="folder of the validation images, from `path`")
    test: Text | None = Field(default=None, description="folder of the test images, from `path`")
    classes: tuple[Text, ...] | None = Field(
        default=None, description="classes and their order; without it all, sorted by name"
    )

    def facts(self) -> Facts:
        from cnnwiz.data.layout import find_classes, find_splits

        if self.classes is not None:
            return Facts(len(self.classes), 3, None)
        try:
            found = len(find_classes(find_splits(Path(self.path), self._named()).train, Counter()))
        except (CnnwizError, OSError, ValueError):
            return Facts(None, 3, None)
        return Facts(found or None, 3, None)

    def listing(self) -> "Listing | None":
        from cnnwiz.data.listing import list_folder

        return list_folder(Path(self.path), self._named(), self.classes)

    def build(self) -> "Records":
        from cnnwiz.data.folder import read_folder

        return read_folder(Path(self.path), self._named(), self.classes)

    def _named(self) -> dict[str, str | None]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


class Arrays(Source):
    """An .npz file with x_train, y_train, x_test and y_test: images as uint8 (N, H, W) or (N, H, W, 1 or 3), labels as
    integers from 0.

    Use: images that another program made, or that are all of one size and fit into memory.

    Avoid: large photographs: folders of files are smaller and need not fit into memory.

    Cost: H * W * C bytes of memory for each image.
    """

    key = "arrays"

    path: Text = Field(description="the .npz file, from the current directory")

    def facts(self) -> Facts:
        from cnnwiz.data.arrays import peek_npz

        return Facts(*(peek_npz(Path(self.path)) or (None, 3, None)))

    def build(self) -> "Records":
        from cnnwiz.data.arrays import read_npz

        return read_npz(Path(self.path))


class Published(Source):
    """A published data set that torchvision knows how to read."""

    path: Text = Field(description="folder that holds the set, or shall hold it, from the current directory")
    download: bool = Field(default=False, description="fetch the set when it is not there")
    known: ClassVar[Facts]
    name: ClassVar[str]
    """Its class in torchvision.datasets."""

    def facts(self) -> Facts:
        return self.known

    def build(self) -> "Records":
        from cnnwiz.data.published import read_pixels

        return read_pixels(self.key, self.name, self.path, self.download)


class Cifar10(Published):
    """CIFAR-10: 50,000 training and 10,000 test photographs, 32x32, colour, of 10 kinds of animals and vehicles.

    Use: to compare networks and recipes in minutes.

    Avoid: conclusions about large photographs; about 0.5 % of the test labels are wrong.

    Cost: 170 MB to download, 184 MB in memory.
    """

    key = "cifar10"
    papers = ("Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",)
    known: ClassVar[Facts] = Facts(10, 3, 32)
    name: ClassVar[str] = "CIFAR10"


class Cifar100(Published):
    """CIFAR-100: as CIFAR-10, but 100 classes with 500 training and 100 test photographs each.

    Use: where CIFAR-10 no longer tells methods apart; few images a class.

    Avoid: as a first try: with 500 images a class, regularization decides more than the network does.

    Cost: 170 MB to download, 184 MB in memory.
    """

    key = "cifar100"
    papers = ("Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",)
    known: ClassVar[Facts] = Facts(100, 3, 32)
    name: ClassVar[str] = "CIFAR100"


class Mnist(Published):
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, 28x28, grey.

    Use: to check that a pipeline works at all.

    Avoid: to compare methods: plain networks pass 99 %; mirrored digits are other signs, so no horizontal_flip.

    Cost: 11 MB to download, 55 MB in memory.
    """

    key = "mnist"
    papers = ("LeCun, Bottou, Bengio, Haffner: Proc. IEEE 1998",)
    known: ClassVar[Facts] = Facts(10, 1, 28)
    name: ClassVar[str] = "MNIST"


class FashionMnist(Published):
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothing, 28x28, grey, 10 classes.

    Use: in place of MNIST: as small, but harder.

    Avoid: conclusions about colour or photographs.

    Cost: 31 MB to download, 55 MB in memory.
    """

    key = "fashion_mnist"
    papers = ("arXiv:1708.07747",)
    known: ClassVar[Facts] = Facts(10, 1, 28)
    name: ClassVar[str] = "FashionMNIST"


class Imagenette(Published):
    """Imagenette: 9,469 training and 3,925 validation photographs of 10 easily told classes of ImageNet.

    Use: real photographs without ImageNet's cost.

    Avoid: fine distinctions: the classes were chosen to be easy.

    Cost: 99 MB (160px) to 1.6 GB (full) to download.
    """

    key = "imagenette"
    papers = ("Howard: github.com/fastai/imagenette, 2019",)
    known: ClassVar[Facts] = Facts(10, 3, None)
    name: ClassVar[str] = "Imagenette"

    size: Literal["160px", "320px", "full"] = Field(
        default="160px", description="which edition: length of the short side"
    )

    def build(self) -> "Records":
        from cnnwiz.data.published import read_imagenette

        return read_imagenette(self.path, self.size, self.download)


class Flowers102(Published):
    """Oxford Flowers: 102 kinds of flowers, 1,020 training, 1,020 validation and 6,149 test photographs.

    Use: fine distinctions with 10 training images a class, usually with a pretrained network.

    Avoid: training from scratch as a benchmark: 10 images a class are too few.

    Cost: 345 MB to download.
    """

    key = "flowers102"
    papers = ("Nilsback, Zisserman: ICVGIP 2008",)
    known: ClassVar[Facts] = Facts(102, 3, None)
    name: ClassVar[str] = "Flowers102"

    def build(self) -> "Records":
        from cnnwiz.data.published import read_flowers102

        return read_flowers102(self.path, self.download)


SOURCES: tuple[type[Source], ...] = (
    Digits,
    Folder,
    Arrays,
    Cifar10,
    Cifar100,
    Mnist,
    FashionMnist,
    Imagenette,
    Flowers102,
)
