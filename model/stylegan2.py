class StyleGAN2:
    pass
