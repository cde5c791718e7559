"""Card: a moving test picture that needs no file and no camera, and says which picture it is."""

import time
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from model.knob import Knob

...
